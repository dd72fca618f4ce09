// One frame, bit by bit. Python decodes; this file draws `picture` and sends wishes: flip, undo, text ...

const KEYS = [
  ["← →", "field by field"],
  ["↑ ↓", "row by row"],
  ["Shift + ← →", "bit by bit"],
  ["Space, F", "flip the bit"],
  ["Enter", "pin the field"],
  ["Esc", "clear the pin"],
  ["U", "undo"],
  ["R", "reset"],
  ["?", "these keys"],
];
const SIGNS = { error: "✕", warning: "!", note: "i" };

function render({ model, el }) {
  if (!model.get("picture").parts) return;
  let hover = null; // what the pointer or the focus is on: { start, end, bit }, in bits, bit -1 for none
  let focus = 0; // the bit that Tab comes to
  let focusByte = 0;
  const { root, picture, wish, speak, ...frame } = stage(model, "frame", { keys: KEYS });

  // The parts of the page that stay; the others are drawn anew with each picture
  const title = h("strong", { class: "title" });
  const about = h("span", { class: "about" });
  const way = h("span", { class: "way" });
  const sum = h("div", { class: "sum" });
  const readout = h("p", { class: "readout", "aria-hidden": "true" });
  const grid = h("div", { class: "bits", role: "grid", "aria-label": "bits of the frame", onkeydown: gridKey });
  const hex = h("div", { class: "hex", role: "grid", "aria-label": "bytes of the frame", onkeydown: hexKey });
  const list = h("ul", { class: "fields", "aria-label": "fields of the frame" });
  const found = h("div", { class: "findings", role: "group", "aria-label": "findings" });
  const bar = controls(wish, frame.toggleKeys);
  const body = h(
    "div", { class: "body" },
    h("div", { class: "left" }, h("div", { class: "scroll" }, grid), readout, heading("Bytes on the wire"), hex),
    h("div", { class: "right" }, found, heading("Fields"), list),
  );
  frame.fill(h("div", { class: "top" }, title, about, way), sum, bar.element, frame.list, frame.notice, body);
  el.append(root);

  for (const place of [grid, hex, list, found]) {
    place.addEventListener("pointerover", (event) => look(rangeOf(event.target)));
    place.addEventListener("pointerleave", () => look(null));
    place.addEventListener("focusin", (event) => look(rangeOf(event.target)));
    place.addEventListener("focusout", () => look(null));
  }
  grid.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-bit]");
    if (cell) wish("flip", (focus = Number(cell.dataset.bit)));
  });
  for (const place of [hex, list]) place.addEventListener("click", (event) => pin(rangeOf(event.target)));

  // Drawing

  function draw(now, before) {
    hover = null;
    const active = root.getRootNode().activeElement;
    const had = grid.contains(active) ? "bit" : hex.contains(active) ? "byte" : list.contains(active) ? "row" : "";
    const row = active?.dataset?.name;
    title.textContent = now.title;
    about.textContent = now.about;
    root.setAttribute("aria-label", now.title + ", bit by bit");
    way.replaceChildren(...(now.sender ? arrow(now.sender, now.receiver) : []));
    sum.replaceChildren(...now.sum.map(term));
    focus = Math.max(0, Math.min(focus, now.bits - 1));
    focusByte = Math.max(0, Math.min(focusByte, now.bytes.length - 1));
    grid.style.setProperty("--per-row", now.per_row);
    grid.classList.toggle("control", now.control);
    body.classList.toggle("dense", now.per_row === 32);
    grid.replaceChildren(...bitRows(now));
    hex.replaceChildren(...hexRow(now));
    const changed = (part) => before?.parts?.some((old) => old.name === part.name && old.label !== part.label);
    list.replaceChildren(...now.parts.map((part) => fieldRow(part, changed(part))));
    found.replaceChildren(...now.findings.map((each, index) => finding(now, each, index)));
    bar.show(now);
    rove();
    mark();
    const again = {
      bit: () => grid.querySelector(`[data-bit="${focus}"]`),
      byte: () => hex.querySelector(`[data-byte="${focusByte}"]`),
      row: () => [...list.querySelectorAll("button")].find((each) => each.dataset.name === row),
    };
    if (had) again[had]()?.focus({ preventScroll: true });
    if (before && now.words !== before.words) speak(news(now, before));
  }

  function news(now, before) {
    const other = now.parts.filter((part) => before.parts.some((old) => old.name === part.name && old.label !== part.label));
    const told = [now.title, ...other.slice(0, 4).map((part) => `${part.name} ${part.value}, ${part.meaning}`), now.missing, now.rest];
    told.push(...now.findings.map((each) => `${each.severity}: ${each.text}`));
    return told.filter(Boolean).join(". ");
  }

  function mark() {
    const pinned = model.get("selection");
    const held = pinned.length
      ? { start: 8 * pinned[0], end: 8 * pinned[1], bit: pinned[2] ?? -1, ...rangeOfBit(pinned[2] ?? -1) }
      : null;
    const shown = hover ?? held;
    const now = picture();
    const over = (start, end, range) => range && start < range.end && end > range.start;
    const twin = shown && keyOf(now, shown);
    for (const cell of grid.querySelectorAll("[data-bit]")) {
      const bit = Number(cell.dataset.bit);
      cell.classList.toggle("on", !!over(bit, bit + 1, shown));
      cell.classList.toggle("at", shown?.bit === bit);
      cell.classList.toggle("twin", !!over(bit, bit + 1, twin));
    }
    for (const cell of hex.querySelectorAll("[data-byte]")) {
      const bit = 8 * Number(cell.dataset.byte);
      cell.classList.toggle("on", !!over(bit, bit + 8, shown));
      cell.classList.toggle("twin", !!over(bit, bit + 8, twin));
      cell.setAttribute("aria-selected", String(!!over(bit, bit + 8, held)));
    }
    for (const button of list.querySelectorAll("button")) {
      const [start, end] = [Number(button.dataset.start), Number(button.dataset.end)];
      button.classList.toggle("on", !!over(start, end, shown));
      button.setAttribute("aria-pressed", String(!!over(start, end, held)));
    }
    readout.textContent = shown ? describe(now, shown) : "Click a bit to flip it. Click a byte or a field to pin it.";
  }

  // The selection

  function rangeOf(target) {
    const cell = target.closest("[data-bit], [data-byte], [data-start]");
    if (!cell) return null;
    if (cell.dataset.bit) return { ...rangeOfBit(Number(cell.dataset.bit)), bit: Number(cell.dataset.bit) };
    if (cell.dataset.byte) return { start: 8 * Number(cell.dataset.byte), end: 8 * Number(cell.dataset.byte) + 8, bit: -1 };
    return { start: Number(cell.dataset.start), end: Number(cell.dataset.end), bit: -1 };
  }

  function rangeOfBit(bit) {
    const part = picture().parts.find((each) => each.start <= bit && bit < each.start + each.size);
    if (!part) return {};
    const byte = bit - (bit % 8); // of a long field, the byte is what belongs together
    return part.kind === "payload" || part.kind === "key"
      ? { start: byte, end: byte + 8 }
      : { start: part.start, end: part.start + part.size };
  }

  function look(range) {
    hover = range;
    mark();
  }

  function pin(range) {
    if (!range || range.start === range.end) return;
    const next = [Math.floor(range.start / 8), Math.ceil(range.end / 8), range.bit >= 0 ? range.bit : fieldBit(range)];
    const same = JSON.stringify(next) === JSON.stringify(model.get("selection"));
    model.set("selection", same ? [] : next);
    model.save_changes();
    mark();
    const part = picture().parts.find((each) => each.start <= range.start && range.start < each.start + each.size);
    speak(same ? "pin cleared" : `pinned: ${part ? part.label : "byte"}`);
  }

  // A field within a byte is pinned by its first bit, so that its neighbours in the byte stay out.
  const fieldBit = (range) => (range.end - range.start < 8 ? range.start : -1);

  // Keys

  function gridKey(event) {
    const now = picture();
    const cell = event.target.closest("[data-bit]");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const bit = Number(cell.dataset.bit);
    const starts = now.parts.filter((part) => part.size && part.start < now.bits).map((part) => part.start);
    const row = bit - (bit % now.per_row);
    const moves = {
      ArrowRight: () => (event.shiftKey ? bit + 1 : starts.find((start) => start > bit)),
      ArrowLeft: () => (event.shiftKey ? bit - 1 : starts.findLast((start) => start < bit)),
      ArrowDown: () => bit + now.per_row,
      ArrowUp: () => bit - now.per_row,
      Home: () => (event.shiftKey ? 0 : row),
      End: () => (event.shiftKey ? now.bits - 1 : Math.min(row + now.per_row, now.bits) - 1),
    };
    if (moves[event.key]) {
      const next = moves[event.key]();
      if (next >= 0 && next < now.bits) {
        focus = next;
        rove();
        grid.querySelector(`[data-bit="${next}"]`).focus();
      }
    } else if (event.key === " " || event.key.toLowerCase() === "f") wish("flip", (focus = bit));
    else if (event.key === "Enter") pin({ ...rangeOfBit(bit), bit });
    else return;
    done(event);
  }

  function hexKey(event) {
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[event.key];
    const cell = event.target.closest("[data-byte]");
    if (!cell) return;
    if (event.key === "Enter" || event.key === " ") pin(rangeOf(cell));
    else if (move) {
      const next = hex.querySelector(`[data-byte="${focusByte + move}"]`);
      if (next) {
        focusByte += move;
        rove();
        next.focus();
      }
    } else return;
    done(event);
  }

  function rove() {
    for (const cell of grid.querySelectorAll("[data-bit]")) cell.tabIndex = Number(cell.dataset.bit) === focus ? 0 : -1;
    for (const cell of hex.querySelectorAll("[data-byte]")) {
      cell.tabIndex = Number(cell.dataset.byte) === focusByte ? 0 : -1;
    }
  }

  // Life

  return frame.follow(draw, mark);
}

export default { render };
