// What stands in every widget: its root, the notice, the list of keys, what is read aloud, and the way to Python.

const ALONE = "Python does not answer: its kernel is not running, or busy. Run this cell again, then try once more.";

// `kind` names the widget in CSS: .wsviz-kind. `keys` are [key, what it does]; "?" shows them. Where there is `undo`, U takes
// back and R resets; Esc is for `unpin`, which clears the selection. `onkey` gets a key first, and returns false for one
// that it does not take. Then `fill` puts the parts of the widget in.
function stage(model, kind, { keys = [], undo = true, unpin = null, onkey = () => false } = {}) {
  const picture = () => model.get("picture");
  const notice = h("p", { class: "notice", role: "status", hidden: true });
  const spoken = h("p", { class: "spoken", "aria-live": "polite" });
  const list = h("p", { class: "keys", hidden: true }, keys.map(([key, what]) => h("span", {}, h("kbd", {}, key), what)));
  const box = postbox(model, () => picture().answered, (silent) => say(silent ? ALONE : picture().notice, silent));
  const root = h("div", { class: `wsviz wsviz-${kind}`, role: "group", onkeydown: keydown, onfocusin: keepShortcutsAway });

  const wish = (what, value) => box.send(what, value);

  function say(words, urgent = false) {
    notice.textContent = words || "";
    notice.hidden = !words;
    notice.classList.toggle("urgent", urgent);
  }

  function keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "Escape" && event.target.closest("input, select, textarea")) return;
    const key = event.key.toLowerCase();
    if (onkey(event) === false) {
      if (key === "?" && keys.length) toggle(list);
      else if (key === "u" && undo) wish("undo");
      else if (key === "r" && undo) wish("reset");
      else if (key === "escape") (unpin ?? clear)();
      else return;
    }
    done(event);
  }

  function clear() {
    model.set("selection", []);
    model.save_changes();
  }

  return {
    root, picture, say, list, notice,
    wish,
    speak: (words) => (spoken.textContent = words),
    toggleKeys: () => toggle(list),
    fill: (...parts) => root.append(...parts, spoken),
    // Calls `draw(now, before)` at once and whenever Python has decoded anew, and `mark` when the selection changes; gives
    // the function that ends it all.
    follow(draw, mark = () => {}) {
      let before = picture();
      const changed = () => {
        say(picture().notice);
        box.heard();
        draw(picture(), before);
        before = picture();
      };
      model.on("change:picture", changed);
      model.on("change:selection", mark);
      draw(picture(), null);
      return () => {
        model.off("change:picture", changed);
        model.off("change:selection", mark);
        box.close();
      };
    },
  };
}
