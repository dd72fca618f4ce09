// An event stream: Python reads it; this file draws `picture` and sends wishes: text, chunk, add ...

const KEYS = [
  ["↑ ↓", "line by line"],
  ["→ ←", "to the event and back"],
  ["Enter", "pin"],
  ["Esc", "clear the pin"],
  ["U", "undo"],
  ["R", "reset"],
  ["?", "these keys"],
];
const OUTCOMES = { empty: "nothing dispatched: the block has no data", unfinished: "nothing dispatched yet: no blank line ends the block" };

function render({ model, el }) {
  if (!model.get("picture").blocks) return;
  let hover = null; // what the pointer or the focus is on: [start, end], in bytes
  let stop = "0-line"; // what Tab comes to
  const { root, picture, wish, speak, ...frame } = stage(model, "events", { keys: KEYS, unpin: () => select([]) });

  const facts = h("span", { class: "about" });
  const text = h("textarea", { rows: 9, spellcheck: "false", autocomplete: "off", "aria-label": "the stream", oninput: later(150, () => wish("text", wellFormed(text.value))) });
  const lineEnd = h("select", { onchange: () => wish("line_end", lineEnd.value) });
  const chunk = h("input", { type: "text", size: 8, inputmode: "numeric", autocomplete: "off", oninput: later(250, () => wish("chunk", chunk.value)) });
  const undo = h("button", { type: "button", onclick: () => wish("undo") }, "Undo");
  const reset = h("button", { type: "button", onclick: () => wish("reset") }, "Reset");
  const adds = h("span", { class: "adds", role: "group", "aria-label": "add at the end" });
  const panel = h("div", { class: "panel", hidden: true }, h("span", {}, "add at the end"), adds, undo, reset, h("button", { type: "button", onclick: frame.toggleKeys }, "Keys"));
  const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => more.setAttribute("aria-expanded", String(!toggle(panel))) }, "More");
  const rows = h("div", { class: "blocks", role: "group", "aria-label": "lines and events", onkeydown: rowKey });
  const readout = h("p", { class: "readout", "aria-hidden": "true" });
  const reconnect = h("p", { class: "reconnect" });
  frame.fill(
    h("div", { class: "top" }, h("strong", { class: "title" }, "Event stream"), facts),
    h("div", { class: "bar" }, text, labelled("line ends", lineEnd), labelled("bytes a chunk", chunk), more, panel),
    frame.list, frame.notice,
    h("div", { class: "columns", "aria-hidden": "true" }, h("span", {}, "byte"), h("span", {}, "line"), h("span", {}, "on the wire, and what the browser makes of it"), h("span", {}, "what a script hears")),
    rows, readout, reconnect,
  );
  root.setAttribute("aria-label", "event stream, line by line");
  el.append(root);

  rows.addEventListener("pointerover", (event) => look(rangeOf(event.target)));
  rows.addEventListener("pointerleave", () => look(null));
  rows.addEventListener("focusin", (event) => {
    stop = event.target.dataset?.stop ?? stop;
    rove();
    look(rangeOf(event.target));
  });
  rows.addEventListener("focusout", () => look(null));
  rows.addEventListener("click", (event) => pin(rangeOf(event.target)));

  // Drawing

  function draw(now, before) {
    hover = null;
    const had = rows.contains(root.getRootNode().activeElement);
    facts.textContent = now.facts;
    text.disabled = now.text === null;
    text.placeholder = now.text === null ? "too long, or with bytes that cannot be typed" : "data: hello";
    put(text, now.text ?? "");
    if (!before) text.rows = Math.min(14, (now.text ?? "").split("\n").length);
    lineEnd.replaceChildren(...now.line_ends.map((name) => h("option", { value: name }, name)));
    lineEnd.value = now.line_end;
    chunk.placeholder = now.chunk_hint;
    put(chunk, now.chunk);
    undo.disabled = !now.undo;
    reset.disabled = !now.changed;
    if (!adds.children.length) adds.replaceChildren(...now.pieces.map((piece) => h("button", { type: "button", onclick: () => wish("add", piece) }, piece)));
    rows.replaceChildren(...now.blocks.map(block));
    if (now.hidden) rows.append(h("p", { class: "more" }, `… ${now.hidden.toLocaleString("en")} more blocks`));
    reconnect.replaceChildren(h("b", {}, "If the connection broke now"), ` the browser would ask again ${now.after}, with `, h("code", {}, now.sent));
    if (now.chunked) reconnect.append(h("span", { class: "legend" }, h("i", { class: "cut" }, "n"), "chunk n begins here: chunks are no borders of lines or events"));
    rove();
    mark();
    if (had) rows.querySelector(`[data-stop="${stop}"]`)?.focus({ preventScroll: true });
    if (before && now.words !== before.words) speak(`${now.facts}. ${now.blocks.at(-1)?.words ?? ""}`);
  }

  function block(each) {
    const lines = each.lines.map((one) =>
      h(
        "button",
        {
          type: "button", class: `line ${one.kind}`, "data-stop": `${one.start}-line`, "data-start": one.start, "data-end": one.end,
          "aria-pressed": "false", "aria-label": `byte ${one.start}, ${one.kind}: ${one.parts.map((part) => part[1]).join("")}; ${one.says}`,
        },
        h("span", { class: "offset" }, String(one.start)), h("b", { class: "kind" }, one.kind),
        h("span", { class: "wire" }, one.parts.map(([number, words]) => [number ? h("i", { class: "cut", title: `chunk ${number} begins here` }, String(number)) : null, words]).flat(), h("small", {}, one.sign)),
        h("span", { class: "says" }, one.says),
      ),
    );
    if (each.hidden) lines.push(h("p", { class: "more" }, `… ${each.hidden.toLocaleString("en")} more lines`));
    const heard = each.outcome === "dispatched"
      ? [h("span", { class: "head" }, h("b", {}, each.type), each.last ? h("small", {}, `lastEventId "${each.last}"`) : null), h("span", { class: "data" }, each.data.map((words) => h("span", {}, words || "\u00a0")))]
      : [h("i", {}, OUTCOMES[each.outcome])];
    if (each.chunks && each.outcome === "dispatched") heard.push(h("small", {}, `${each.chunks} chunk${each.chunks > 1 ? "s begin" : " begins"} within it`));
    const card = h(
      "button",
      { type: "button", class: `card ${each.outcome}`, "data-stop": `${each.start}-card`, "data-start": each.start, "data-end": each.end, "aria-pressed": "false", "aria-label": each.words },
      heard,
    );
    return h("div", { class: "block" }, h("div", { class: "lines" }, lines), card);
  }

  function mark() {
    const pinned = model.get("selection");
    const held = pinned.length ? [pinned[0], pinned[1]] : null;
    const shown = hover ?? held;
    const over = (each, range) => !!range && Number(each.dataset.start) < range[1] && Number(each.dataset.end) > range[0];
    for (const each of rows.querySelectorAll("[data-start]")) {
      each.classList.toggle("on", over(each, shown));
      each.setAttribute("aria-pressed", String(over(each, held)));
    }
    readout.textContent = shown ? describe(shown) : "Point at a line or an event to see what belongs together; a click pins it.";
  }

  function describe([start, end]) {
    const lines = picture().blocks.flatMap((each) => each.lines).filter((each) => each.start >= start && each.end <= end);
    const place = `byte${end - start > 1 ? `s ${start} to ${end - 1}` : ` ${start}`}`;
    return lines.length === 1 ? `${place}: ${lines[0].hex}` : `${place}, ${lines.length} lines`;
  }

  // The selection

  function rangeOf(target) {
    const each = target.closest("[data-start]");
    return each ? [Number(each.dataset.start), Number(each.dataset.end)] : null;
  }

  function look(range) {
    hover = range;
    mark();
  }

  function pin(range) {
    if (range) select(JSON.stringify([...range, -1]) === JSON.stringify(model.get("selection")) ? [] : [...range, -1]);
  }

  function select(next) {
    model.set("selection", next);
    model.save_changes();
    mark();
    speak(next.length ? `pinned: ${describe(next)}` : "pin cleared");
  }

  // Keys

  function rowKey(event) {
    const here = event.target.closest("[data-stop]");
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const lines = [...rows.querySelectorAll(".line")];
    const block = here.closest(".block");
    const at = lines.indexOf(here);
    const next = {
      ArrowDown: () => (at >= 0 ? lines[at + 1] : block.nextElementSibling?.querySelector(".card")),
      ArrowUp: () => (at >= 0 ? lines[at - 1] : block.previousElementSibling?.querySelector(".card")),
      ArrowRight: () => block.querySelector(".card"),
      ArrowLeft: () => block.querySelector(".line"),
    }[event.key];
    if (!next) return;
    next()?.focus();
    done(event);
  }

  function rove() {
    const stops = [...rows.querySelectorAll("[data-stop]")];
    const here = stops.find((each) => each.dataset.stop === stop) ?? stops[0];
    for (const each of stops) each.tabIndex = each === here ? 0 : -1;
  }

  // Life

  return frame.follow(draw, mark);
}

export default { render };
