// The browser's WebSocket object, played step by step. Python plays; this file draws `picture` and sends wishes.

const KEYS = [
  ["N", "the next step"],
  ["U", "back"],
  ["R", "reset"],
  ["?", "these keys"],
];

function render({ model, el }) {
  if (!model.get("picture").rows) return;
  const { root, picture, wish, speak, ...frame } = stage(model, "browser", { keys: KEYS, onkey });

  const title = h("strong", { class: "title" });
  const about = h("span", { class: "about" });
  const story = h("select", { onchange: () => wish("story", story.value) });
  const back = h("button", { type: "button", onclick: () => wish("undo") }, "Back");
  const next = h("button", { type: "button", class: "main", onclick: () => wish("next") }, "Next step");
  const typed = h("input", { type: "text", class: "typed", spellcheck: "false", autocomplete: "off", placeholder: "send Hello", onkeydown: enter });
  const take = h("button", { type: "button", onclick: () => typed.value.trim() && wish("step", wellFormed(typed.value)) }, "Do it");
  const reset = h("button", { type: "button", onclick: () => wish("reset") }, "Reset");
  const keys = h("button", { type: "button", onclick: frame.toggleKeys }, "Keys");
  const moves = h("div", { class: "moves" });
  const forms = h("details", { class: "forms" });
  const panel = h("div", { class: "panel", hidden: true }, moves, labelled("or type a step", typed, "wide"), take, reset, keys, forms);
  const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => more.setAttribute("aria-expanded", String(!toggle(panel))) }, "More: your own steps");
  const bar = h("div", { class: "bar" }, labelled("story", story), back, next, more, panel);

  const tanks = h("ol", { class: "tanks", "aria-label": "where the page's bytes are" });
  const log = h("ol", { class: "log", tabindex: 0, "aria-label": "steps" });
  const facts = h("dl", { class: "facts" });
  const queue = h("ol", { class: "queue", "aria-label": "tasks that wait" });
  const head = h("div", { class: "row head", "aria-hidden": "true" }, ["readyState", "who", "step", "what the page hears", "bufferedAmount"].map((words) => h("small", {}, words)));
  frame.fill(
    h("div", { class: "top" }, title, about), bar, frame.list, frame.notice,
    h("div", { class: "sides" },
      h("div", { class: "main" }, head, log),
      h("div", { class: "object" }, heading("What the script would read"), facts, heading("Tasks that wait for the event loop"), queue)),
    heading("Where the page's bytes are, frames with their headers"), tanks,
  );
  el.append(root);

  function draw(now, before) {
    const focused = root.getRootNode().activeElement?.dataset?.line;
    title.textContent = now.title;
    about.textContent = now.about;
    root.setAttribute("aria-label", `the browser's WebSocket object: ${now.title}`);
    story.replaceChildren(...now.stories.map(([name, words]) => h("option", { value: name }, words)));
    story.value = now.story;
    back.disabled = !now.undo;
    next.disabled = !now.ahead.length;
    reset.disabled = !now.changed;
    tanks.replaceChildren(...now.places.map(tank));
    const hidden = now.before ? [h("li", { class: "before" }, `${now.before} steps before`)] : [];
    const rows = now.rows.map((row, at) => logRow(row, now.rows[at - 1], at === now.rows.length - 1));
    log.replaceChildren(...hidden, ...rows, ...now.ahead.map(aheadRow));
    facts.replaceChildren(...(now.facts.length ? now.facts.map(fact) : [h("div", {}, "There is no object yet.")]));
    const rest = now.waiting - now.queue.length;
    queue.replaceChildren(...now.queue.map((words) => h("li", {}, words)), ...(rest > 0 ? [h("li", {}, `… ${rest} more`)] : []));
    queue.classList.toggle("empty", !now.waiting);
    if (!now.waiting) queue.replaceChildren(h("li", {}, "none"));
    drawMoves(now);
    if (focused) moves.querySelector(`[data-line="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    const last = rows.at(-1);
    requestAnimationFrame(() => last && (log.scrollTop = last.offsetTop + last.offsetHeight + 60 - log.clientHeight)); // once it has a place
    if (before && now.words !== before.words) speak(spokenRow(now));
  }

  function drawMoves(now) {
    const of = (who) => now.moves.filter((move) => move.who === who);
    const button = (move) => h("button", { type: "button", "data-line": move.line, title: move.line, disabled: !move.on, onclick: () => wish("step", move.line) }, move.step);
    moves.replaceChildren(...Object.entries(WHO).map(([who, words]) => h("div", { class: `group ${who}`, role: "group", "aria-label": words }, h("span", {}, words), of(who).map(button))));
    if (forms.children.length) return;
    forms.append(h("summary", {}, "all steps"), h("ul", {}, now.forms.map(([word, form, words]) => h("li", {}, h("code", {}, `${word} ${form}`), ` ${words}`))));
  }

  function spokenRow(now) {
    const row = now.rows.at(-1);
    if (!row) return "no step taken";
    const heard = row.heard.map(([, words]) => words).join(", ");
    return `${row.who}: ${row.step}${heard ? `: ${heard}` : ""}. readyState ${row.state || "none"}, bufferedAmount ${row.buffered || 0}`;
  }

  function enter(event) {
    if (event.key !== "Enter") return;
    take.click();
    done(event);
  }

  function onkey(event) {
    if (event.key.toLowerCase() !== "n") return false;
    wish("next");
  }

  return frame.follow(draw);
}

export default { render };
