// A question with answers. Choosing is free, committing is what Python hears of; then the page shows what it says.

let forms = 0; // radio buttons of two predictions may not share a name

function render({ model, el }) {
  if (!model.get("picture").choices) return;
  const { root, picture, wish, speak, ...frame } = stage(model, "prediction", { undo: false });
  const name = `wsviz-prediction-${forms++}`;
  const title = h("strong", { class: "title" }, picture().title);
  const question = h("legend", {}, picture().question);
  const radios = picture().choices.map(({ key }) => h("input", { type: "radio", name, value: key, onchange: ready }));
  const choices = picture().choices.map(({ key, text }, at) =>
    h("label", { class: "choice", "data-key": key }, radios[at], h("b", {}, key), h("span", { class: "text" }, text)));
  const commit = h("button", { type: "button", disabled: true, onclick: () => wish("choose", chosen()) }, "Commit");
  const said = h("p", { class: "said", hidden: true });
  frame.fill(
    h("div", { class: "top" }, title, h("span", { class: "about" }, "predict first")),
    h("fieldset", {}, question, choices), h("div", { class: "bar" }, commit), frame.notice, said,
  );
  root.setAttribute("aria-label", `prediction: ${picture().title}`);
  el.append(root);

  const chosen = () => radios.find((each) => each.checked)?.value;
  function ready() {
    commit.disabled = !chosen() || chosen() === picture().chosen;
  }

  return frame.follow((now, before) => {
    radios.forEach((each) => now.chosen === each.value && (each.checked = true));
    choices.forEach((each) => {
      const committed = each.dataset.key === now.chosen;
      each.classList.toggle("right", committed && now.solved);
      each.classList.toggle("wrong", committed && !now.solved);
    });
    said.hidden = !now.chosen;
    said.className = `said ${now.solved ? "right" : "wrong"}`;
    said.replaceChildren(h("b", {}, now.solved ? "✓ Right. " : "✗ Not so. "), now.said);
    if (before && now.chosen) speak(`${now.solved ? "Right" : "Not so"}. ${now.said}`);
    ready();
  });
}

export default { render };
