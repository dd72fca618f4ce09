// How a WebSocket ends. Python plays the scenario; this file draws `picture` and sends wishes: scenario, code, step ...

const KEYS = [
  ["↑ ↓", "step by step"],
  ["Enter", "see the step's bytes, pin a field"],
  ["← →", "byte by byte"],
  ["Esc", "clear the pin"],
  ["U", "undo"],
  ["R", "reset"],
  ["?", "these keys"],
];

function render({ model, el }) {
  if (!model.get("picture").steps) return;
  let hover = null; // bits, { start, end }
  let byte = 0; // the byte that Tab comes to
  const { root, picture, wish, speak, ...frame } = stage(model, "close", { keys: KEYS, unpin: () => select([]) });

  const title = h("strong", { class: "title" });
  const about = h("span", { class: "about" });
  const scenario = h("select", { onchange: () => wish("scenario", scenario.value) });
  const code = h("input", { type: "text", class: "code", size: 6, inputmode: "numeric", spellcheck: "false", autocomplete: "off", placeholder: "none", oninput: later(200, () => wish("code", code.value)) });
  const reason = h("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: "none", title: "\\xe9 is a byte", oninput: later(200, () => wish("reason", wellFormed(reason.value))) });
  const by = h("select", { onchange: () => wish("by", by.value) }, ["client", "server"].map((side) => h("option", { value: side }, side)));
  const undo = h("button", { type: "button", onclick: () => wish("undo") }, "Undo");
  const reset = h("button", { type: "button", onclick: () => wish("reset") }, "Reset");
  const keys = h("button", { type: "button", onclick: frame.toggleKeys }, "Keys");
  const panel = h("div", { class: "panel", hidden: true }, labelled("begun by the", by), undo, reset, keys);
  const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => more.setAttribute("aria-expanded", String(!toggle(panel))) }, "More");
  const bar = h("div", { class: "bar" }, labelled("how it ends", scenario), labelled("code", code), labelled("reason", reason, "wide"), more, panel);

  const ladder = h("ol", { class: "ladder", "aria-label": "steps of the end", onkeydown: ladderKey });
  const reports = h("div", { class: "reports" });
  const duties = h("ul", { class: "duties" });
  const what = heading("");
  const sum = h("div", { class: "sum" });
  const hex = h("div", { class: "hex", role: "grid", "aria-label": "bytes of the frame", onkeydown: hexKey });
  const found = h("div", { class: "findings", role: "group", "aria-label": "findings" });
  const list = h("ul", { class: "fields", "aria-label": "fields of the frame" });
  const bytes = h("div", { class: "wsviz-frame bytes" }, what, sum, hex, found, list);
  const lanes = h("div", { class: "lanes", "aria-hidden": "true" }, h("small", {}, "readyState"), h("b", {}, "client"), h("b", {}, "server"), h("small", {}, "readyState"));
  frame.fill(
    h("div", { class: "top" }, title, about), bar, frame.list, frame.notice,
    h("div", { class: "sides" },
      h("div", {}, lanes, ladder, heading("What each side's API reports"), reports, heading("What the rules say"), duties),
      bytes),
  );
  el.append(root);

  for (const place of [hex, list, found]) {
    place.addEventListener("pointerover", (event) => look(rangeOf(event.target)));
    place.addEventListener("pointerleave", () => look(null));
    place.addEventListener("focusin", (event) => look(rangeOf(event.target)));
    place.addEventListener("focusout", () => look(null));
  }
  for (const place of [hex, list]) place.addEventListener("click", (event) => pin(rangeOf(event.target)));
  ladder.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (step) wish("step", Number(step.dataset.step));
  });

  // Drawing

  function draw(now, before) {
    hover = null;
    const active = root.getRootNode().activeElement;
    const had = ladder.contains(active) ? `[data-step="${active.dataset.step}"]` : hex.contains(active) ? `[data-byte="${byte}"]` : list.contains(active) ? `[data-name="${active.dataset.name}"]` : "";
    title.textContent = now.title;
    about.textContent = now.about;
    root.setAttribute("aria-label", `how a WebSocket ends: ${now.title}`);
    scenario.replaceChildren(...now.scenarios.map(([name, words]) => h("option", { value: name }, words)));
    scenario.value = now.scenario;
    code.disabled = reason.disabled = !now.editable;
    put(code, now.code);
    put(reason, now.reason);
    by.disabled = !now.turnable;
    by.value = now.by;
    undo.disabled = !now.undo;
    reset.disabled = !now.changed;
    ladder.replaceChildren(...ladderRows(now));
    reports.replaceChildren(...now.reports.map(report));
    duties.replaceChildren(...now.duties.map(duty));
    drawFrame(now);
    rove();
    mark();
    if (had) root.querySelector(had)?.focus({ preventScroll: true });
    if (before && now.words !== before.words) speak(now.reports.map((each) => `${each.side}: ${each.code} ${each.name}, ${each.clean}`).join(". "));
  }

  function drawFrame(now) {
    bytes.hidden = !now.frame;
    if (!now.frame) return;
    const step = now.steps[now.chosen];
    byte = Math.min(byte, now.frame.bytes.length - 1);
    what.textContent = `Bytes of the ${step.sender}'s ${now.frame.title}`;
    sum.replaceChildren(...now.frame.sum.map(term));
    hex.replaceChildren(...hexRow(now.frame));
    found.replaceChildren(...now.frame.findings.map((each, index) => finding(now.frame, each, index)));
    list.replaceChildren(...now.frame.parts.filter((part) => part.size).map((part) => fieldRow(part, false)));
  }

  function mark() {
    const pinned = model.get("selection");
    const bit = pinned[2] ?? -1;
    const part = bit < 0 ? null : picture().frame?.parts.find((each) => each.start <= bit && bit < each.start + each.size);
    const held = !pinned.length ? null : part ? { start: part.start, end: part.start + part.size } : { start: 8 * pinned[0], end: 8 * pinned[1] };
    const shown = hover ?? held;
    const over = (start, end, range) => !!range && start < range.end && end > range.start;
    for (const cell of hex.querySelectorAll("[data-byte]")) {
      const start = 8 * Number(cell.dataset.byte);
      cell.classList.toggle("on", over(start, start + 8, shown));
      cell.setAttribute("aria-selected", String(over(start, start + 8, held)));
    }
    for (const button of list.querySelectorAll("button")) {
      const [start, end] = [Number(button.dataset.start), Number(button.dataset.end)];
      button.classList.toggle("on", over(start, end, shown));
      button.setAttribute("aria-pressed", String(over(start, end, held)));
    }
  }

  // The selection

  function rangeOf(target) {
    const cell = target.closest("[data-byte], [data-start]");
    if (!cell) return null;
    const at = 8 * Number(cell.dataset.byte);
    return cell.dataset.byte ? { start: at, end: at + 8 } : { start: Number(cell.dataset.start), end: Number(cell.dataset.end) };
  }

  function look(range) {
    hover = range;
    mark();
  }

  function pin(range) {
    if (!range || range.start === range.end) return;
    const next = [Math.floor(range.start / 8), Math.ceil(range.end / 8), range.end - range.start < 8 ? range.start : -1];
    select(JSON.stringify(next) === JSON.stringify(model.get("selection")) ? [] : next);
  }

  function select(next) {
    model.set("selection", next);
    model.save_changes();
    mark();
    speak(next.length ? `pinned: bytes ${next[0]} to ${next[1] - 1}` : "pin cleared");
  }

  // Keys

  function ladderKey(event) {
    const steps = [...ladder.querySelectorAll("[data-step]")];
    const at = steps.indexOf(event.target.closest("[data-step]"));
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at < 0 || !move) return;
    steps[at + move]?.focus();
    done(event);
  }

  function hexKey(event) {
    const cell = event.target.closest("[data-byte]");
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[event.key];
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") pin(rangeOf(cell));
    else if (move) hex.querySelector(`[data-byte="${byte + move}"]`)?.focus();
    else return;
    done(event);
  }

  // One tab stop a grid: what was in focus last, or is chosen.
  function rove() {
    const now = picture();
    const steps = [...ladder.querySelectorAll("[data-step]")];
    const stop = steps.find((each) => Number(each.dataset.step) === now.chosen) ?? steps[0];
    for (const each of steps) each.tabIndex = each === stop ? 0 : -1;
    for (const cell of hex.querySelectorAll("[data-byte]")) cell.tabIndex = Number(cell.dataset.byte) === byte ? 0 : -1;
  }
  hex.addEventListener("focusin", (event) => {
    byte = Number(event.target.closest("[data-byte]")?.dataset.byte ?? byte);
    rove();
  });

  // Life

  return frame.follow(draw, mark);
}

export default { render };
