// The pieces of the close explorer that need nothing but the picture.

const SIGNS = { error: "✕", warning: "!", note: "i" }; // for `finding` of the frame's parts

// The rows of the ladder: what both sides are before and after each step, and between them who sends what.
function ladderRows(now) {
  let before = ["OPEN", "OPEN"];
  const rows = now.steps.map((step, index) => {
    const row = h("li", { class: "row" }, state(step.states[0], before[0], "client"), ladderStep(step, index, now.chosen), state(step.states[1], before[1], "server"));
    before = step.states;
    return row;
  });
  const open = h("li", { class: "row first" }, state("OPEN", "", "client"), h("span", { class: "step" }, h("small", {}, "the connection is open")), state("OPEN", "", "server"));
  return [open, ...rows];
}

function state(now, before, side) {
  const same = now === before;
  return h("span", { class: `state ${now.toLowerCase()} ${side}${same ? " same" : ""}` }, h("span", { class: "spoken" }, `${side} `), same ? h("span", { class: "spoken" }, now) : now);
}

function ladderStep(step, index, chosen) {
  const classes = ["step", step.kind, step.sender, step.lost ? "lost" : "", index === chosen ? "on" : ""].filter(Boolean).join(" ");
  const inside = [
    h("span", { class: "said" }, step.sender ? h("span", { class: "spoken" }, `${step.sender} sends `) : null, h("span", { class: "what" }, step.words), h("small", {}, step.note)),
    step.sender ? h("span", { class: "line", "aria-hidden": "true" }) : null,
  ].filter(Boolean);
  if (!step.frame) return h("span", { class: classes }, inside);
  return h("button", { type: "button", class: classes, "data-step": index, "aria-pressed": String(index === chosen), title: "see its bytes" }, inside);
}

function report({ side, code, name, reason, clean, tone, why, section }) {
  return h(
    "div", { class: `report ${tone}` },
    h("div", { class: "over" }, h("span", {}, side), h("span", {}, clean)),
    h("div", { class: "code" }, h("b", {}, code), " ", h("span", {}, name)),
    h("div", { class: "reason" }, reason),
    h("p", {}, why, section && h("span", { class: "section" }, ` (${section})`)),
  );
}

const duty = ([words, section]) => h("li", {}, h("span", {}, words), h("small", {}, section));
