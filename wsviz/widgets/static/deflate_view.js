// Compressed messages and the window that they share. Python compresses and names the bits; this file shows them.

const KEYS = [
  ["↑ ↓", "message by message"],
  ["← →", "symbol by symbol, byte by byte"],
  ["Enter", "choose the message, pin the symbol"],
  ["Esc", "unpin"],
  ["U", "undo"],
  ["R", "reset"],
  ["?", "these keys"],
];

function render({ model, el }) {
  if (!model.get("picture").rows) return;
  let hover = -1; // the symbol that the pointer or the focus is on
  const { root, picture, wish, speak, ...frame } = stage(model, "deflate", { keys: KEYS });

  const title = h("strong", { class: "title" });
  const about = h("span", { class: "about" });
  const total = h("p", { class: "about" });
  const bar = deflateControls(wish, frame.toggleKeys);
  const rows = h("div", { class: "rows", role: "grid", "aria-label": "messages" });
  const headline = heading("");
  const trouble = h("p", { class: "finding error", hidden: true });
  const past = h("div", { class: "window", tabindex: "0", role: "region", "aria-label": "earlier messages" });
  const lost = h("p", { class: "about" }, "Struck through: no longer in the window.");
  const symbols = h("div", { class: "symbols", role: "row" });
  const grid = h("div", { class: "grid", role: "grid", "aria-label": "symbols of the message" }, symbols);
  const number = h("small", { "aria-hidden": "true" });
  const more = h("p", { class: "more" });
  const says = h("strong", {});
  const pieces = h("ul", { class: "pieces" });
  const hexes = h("div", { class: "hexrow", role: "row" });
  const hex = h("div", { role: "grid", "aria-label": "bytes of the payload" }, hexes);
  const hexNote = h("small", {});
  const terms = h("table", {});
  const chosen = h(
    "section", { class: "chosen" }, headline, trouble, past, lost, h("div", { class: "said" }, number, grid), more,
    h("div", { class: "detail" }, h("div", { class: "says" }, says, pieces), h("div", { class: "payload" }, h("p", { class: "about" }, "on the wire"), hex, hexNote)),
  );
  const other = h("section", {}, heading("The same messages under other terms"), h("p", { class: "about" }, "Computed by zlib, level 6; a sender that is not zlib may take more or less."), h("div", { class: "terms", tabindex: "0", role: "region", "aria-label": "other terms" }, terms));
  frame.fill(h("div", { class: "top" }, title, about), total, bar.element, frame.list, frame.notice, rows, legend(), chosen, other);
  el.append(root);

  const cellOf = (target) => Number(target.closest?.("[data-cell]")?.dataset.cell ?? -1);
  const holding = (byte) => picture().cells.findIndex((cell) => cell.first <= byte && byte < cell.last);
  const pinned = () => {
    const [, , bit] = model.get("selection");
    return bit === undefined ? -1 : picture().cells.findIndex((cell) => cell.start === bit);
  };

  for (const type of ["pointerover", "focusin"]) {
    symbols.addEventListener(type, (event) => look(cellOf(event.target)));
    hexes.addEventListener(type, (event) => look(holding(Number(event.target.closest("[data-byte]")?.dataset.byte ?? -1))));
  }
  for (const type of ["pointerleave", "focusout"]) for (const place of [symbols, hexes]) place.addEventListener(type, () => look(-1));
  symbols.addEventListener("click", (event) => pin(cellOf(event.target)));
  hexes.addEventListener("click", (event) => pin(holding(Number(event.target.closest("[data-byte]")?.dataset.byte ?? -1))));
  rows.addEventListener("click", (event) => choose(event.target.closest("[data-row]")));
  rove(rows, "[data-row]", ["ArrowUp", "ArrowDown"], choose);
  rove(symbols, "[data-cell]", ["ArrowLeft", "ArrowRight"], (cell) => pin(cellOf(cell)));
  rove(hexes, "[data-byte]", ["ArrowLeft", "ArrowRight"], (byte) => pin(holding(Number(byte.dataset.byte))));

  // A grid is one tab stop: arrows move in it, Enter and the space bar do what a click does.
  function rove(place, selector, [back, on], act) {
    place.addEventListener("keydown", (event) => {
      const all = [...place.querySelectorAll(selector)];
      const at = all.indexOf(event.target.closest(selector));
      if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = { [back]: at - 1, [on]: at + 1, Home: 0, End: all.length - 1 }[event.key];
      if (target !== undefined) step(all, target);
      else if (event.key === "Enter" || event.key === " ") act(all[at]);
      else return;
      done(event);
    });
  }

  function step(all, target) {
    if (!all[target]) return;
    all.forEach((each, index) => (each.tabIndex = index === target ? 0 : -1));
    all[target].focus();
  }

  // Drawing

  function draw(now, before) {
    hover = -1;
    const focused = root.getRootNode().activeElement;
    const had = rows.contains(focused);
    title.textContent = now.title;
    about.textContent = now.facts;
    total.textContent = now.total;
    root.setAttribute("aria-label", now.title);
    bar.show(now);
    const widest = Math.max(1, ...now.rows.map((row) => Math.max(row.before, row.after)));
    rows.replaceChildren(...now.rows.map((row) => messageRow(row, widest)));
    for (const row of rows.querySelectorAll("[data-row]")) {
      const here = Number(row.dataset.row) === now.at;
      row.tabIndex = here ? 0 : -1;
      row.setAttribute("aria-selected", String(here));
      if (here && had) row.focus({ preventScroll: true });
    }
    rows.hidden = !now.rows.length;
    headline.textContent = now.headline;
    number.textContent = now.cells.length ? String(now.at) : "";
    trouble.textContent = now.error;
    trouble.hidden = !now.error;
    past.replaceChildren(...now.past.map(pastLine));
    past.scrollTop = past.scrollHeight; // the window ends with what was said last
    past.hidden = !now.past.length;
    lost.hidden = !past.querySelector(".lost");
    symbols.replaceChildren(...now.cells.map(symbolChip));
    grid.hidden = !now.cells.length;
    more.textContent = now.hidden ? `… ${now.hidden.toLocaleString("en")} more symbols` : "";
    hexes.replaceChildren(...now.hex.map((byte, at) => h("span", { class: "byte", role: "gridcell", "data-byte": at }, byte)));
    chosen.querySelector(".payload").hidden = !now.rows.length;
    hexNote.textContent = now.secret
      ? "The data holds a secret, shown as *: its bytes and bits are not shown. Read the capture with reveal=True to see them."
      : now.more_hex ? `… ${now.more_hex.toLocaleString("en")} more bytes` : "";
    for (const all of [symbols.children, hexes.children]) [...all].forEach((each, index) => (each.tabIndex = index ? -1 : 0));
    terms.replaceChildren(...termTable(now));
    other.hidden = !now.terms.length;
    mark();
    if (before && (now.at !== before.at || now.total !== before.total)) speak(now.headline);
  }

  function mark() {
    const now = picture();
    const here = hover >= 0 ? hover : pinned();
    const cell = now.cells[here];
    for (const each of symbols.children) {
      const index = Number(each.dataset.cell);
      const other = now.cells[index];
      // What a match copies of its own message.
      const source = cell && (cell.kind === "inner" || cell.kind === "earlier") && index < here && other.length && other.at < cell.source + cell.length && other.at + other.length > cell.source;
      each.classList.toggle("on", index === here);
      each.classList.toggle("source", Boolean(source));
      each.setAttribute("aria-selected", String(index === pinned()));
    }
    for (const each of past.querySelectorAll("[data-users]")) each.classList.toggle("on", here >= 0 && each.dataset.users.split(" ").includes(String(here)));
    for (const each of hexes.children) {
      const byte = Number(each.dataset.byte);
      each.classList.toggle("on", Boolean(cell) && cell.first <= byte && byte < cell.last);
    }
    says.textContent = cell ? cell.label : now.cells.length ? "Point at a symbol to see what its bits say." : "";
    pieces.replaceChildren(...(cell ? bitPieces(cell) : []));
  }

  // Steps

  function look(index) {
    if (index === hover) return;
    hover = index;
    mark();
  }

  function pin(index) {
    const cell = picture().cells[index];
    if (!cell) return;
    model.set("selection", [cell.first, cell.last, cell.start]);
    model.save_changes();
    speak(cell.label);
  }

  function choose(row) {
    if (row) wish("at", Number(row.dataset.row));
  }

  return frame.follow(draw, mark);
}

export default { render };
