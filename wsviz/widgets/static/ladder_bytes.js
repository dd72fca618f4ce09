// Bytes in hex and the list of what they are, linked: one selection, [byte_start, byte_end, -1], for both.

function byteViews(model, { speak }) {
  let parts = [];
  let hover = null; // { start, end } in bits
  let focus = 0;
  const hex = h("div", { class: "hex", role: "grid", "aria-label": "bytes", onkeydown: hexKey });
  const list = h("ul", { class: "fields", "aria-label": "what the bytes are" });

  for (const place of [hex, list]) {
    place.addEventListener("pointerover", (event) => look(rangeOf(event.target)));
    place.addEventListener("pointerleave", () => look(null));
    place.addEventListener("focusin", (event) => look(rangeOf(event.target)));
    place.addEventListener("focusout", () => look(null));
    place.addEventListener("click", (event) => pin(rangeOf(event.target)));
  }

  function show(detail) {
    parts = detail.parts;
    hover = null;
    focus = Math.max(0, Math.min(focus, detail.bytes.length - 1));
    hex.replaceChildren(...(detail.bytes.length ? hexRow({ header: 0, rest: "", rest_more: 0, ...detail }) : []));
    list.replaceChildren(...parts.map(row));
    rove();
    mark();
  }

  // The fields of a frame count bits; the lines of a header count bytes.
  function row(part) {
    const item = fieldRow(part, false);
    if (part.bytes) item.querySelector(".span").textContent = `bytes ${part.bytes}`;
    return item;
  }

  function rangeOf(target) {
    const cell = target.closest("[data-byte], [data-start]");
    if (!cell) return null;
    if (cell.dataset.start) return { start: Number(cell.dataset.start), end: Number(cell.dataset.end) };
    const bit = 8 * Number(cell.dataset.byte);
    return { start: bit, end: bit + 8 };
  }

  const over = (start, end, range) => !!range && start < range.end && end > range.start;

  function mark() {
    const pinned = model.get("selection");
    const held = pinned.length ? { start: 8 * pinned[0], end: 8 * pinned[1] } : null;
    const shown = hover ?? held;
    for (const cell of hex.querySelectorAll("[data-byte]")) {
      const bit = 8 * Number(cell.dataset.byte);
      cell.classList.toggle("on", over(bit, bit + 8, shown));
      cell.setAttribute("aria-selected", String(over(bit, bit + 8, held)));
    }
    for (const button of list.querySelectorAll("button")) {
      const [start, end] = [Number(button.dataset.start), Number(button.dataset.end)];
      button.classList.toggle("on", over(start, end, shown));
      button.setAttribute("aria-pressed", String(over(start, end, held)));
    }
  }

  function look(range) {
    hover = range;
    mark();
  }

  function pin(range) {
    if (!range || range.start === range.end) return;
    const next = [Math.floor(range.start / 8), Math.ceil(range.end / 8), -1];
    const same = JSON.stringify(next) === JSON.stringify(model.get("selection"));
    model.set("selection", same ? [] : next);
    model.save_changes();
    mark();
    const names = parts.filter((part) => over(part.start, part.start + part.size, range)).map((part) => part.label);
    speak(same ? "pin cleared" : `pinned: ${names.slice(0, 3).join("; ")}`);
  }

  function hexKey(event) {
    const cell = event.target.closest("[data-byte]");
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[event.key];
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") pin(rangeOf(cell));
    else if (move) {
      const next = hex.querySelector(`[data-byte="${focus + move}"]`);
      if (next) {
        focus += move;
        rove();
        next.focus();
      }
    } else return;
    done(event);
  }

  function rove() {
    for (const cell of hex.querySelectorAll("[data-byte]")) cell.tabIndex = Number(cell.dataset.byte) === focus ? 0 : -1;
  }

  return { hex, list, show, mark };
}
