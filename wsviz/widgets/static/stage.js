// What stands in every widget: its root, the notice, the list of keys, what is read aloud, and the way to Python.

const ALONE = "Python does not answer: its kernel is not running, or busy. Run this cell again, then try once more.";

// `kind` names the widget in CSS: .wsviz-kind. `keys` are [key, what it does]; "?" shows them. `onkey` gets the keys that
// nobody took; it returns false for those that it does not take either. Then `fill` puts the parts of the widget in.
function stage(model, kind, { keys = [], onkey = () => false } = {}) {
  const picture = () => model.get("picture");
  const notice = h("p", { class: "notice", role: "status", hidden: true });
  const spoken = h("p", { class: "spoken", "aria-live": "polite" });
  const list = h("p", { class: "keys", hidden: true }, keys.map(([key, what]) => h("span", {}, h("kbd", {}, key), what)));
  const box = postbox(model, () => picture().answered, (silent) => say(silent ? ALONE : picture().notice, silent));
  const root = h("div", { class: `wsviz wsviz-${kind}`, role: "group", onkeydown: keydown, onfocusin: keepShortcutsAway });

  function say(words, urgent = false) {
    notice.textContent = words || "";
    notice.hidden = !words;
    notice.classList.toggle("urgent", urgent);
  }

  function keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "Escape" && event.target.closest("input, select, textarea")) return;
    if (event.key === "?" && keys.length) toggle(list);
    else if (onkey(event) === false) return;
    done(event);
  }

  return {
    root, picture, say, list, notice,
    wish: (what, value) => box.send(what, value),
    speak: (words) => (spoken.textContent = words),
    toggleKeys: () => toggle(list),
    fill: (...parts) => root.append(...parts, spoken),
    // Calls `draw(now, before)` at once and whenever Python has decoded anew; gives the function that ends it all.
    follow(draw) {
      let before = picture();
      const changed = () => {
        say(picture().notice);
        box.heard();
        draw(picture(), before);
        before = picture();
      };
      model.on("change:picture", changed);
      draw(picture(), null);
      return () => {
        model.off("change:picture", changed);
        box.close();
      };
    },
  };
}
