// The list of frames. However long it is, only the rows in view are in the page; their columns come from Python as bytes, a
// block at a time, and their words when they are in view.

const ROW = 24; // pixels
const TALLEST = 8000000; // pixels that a page may be tall; where the list is longer, the scroll bar's way stands for all rows
const BLOCK = 1024; // rows asked for at once
const KEPT = 128; // blocks
const TYPES = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, u4: Uint32Array };
const OPCODES = { 0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };
const opcodeName = (code) => OPCODES[code] ?? `reserved ${code}`;
const HEADS = [["time", "seconds"], ["conn", "conn."], ["way", "from"], ["type", "frame"], ["size", "payload"], ["said", "what it says"], ["packet", "packet"]];

function frameList(ask, select) {
  const blocks = new Map(); // first row: columns
  const words = new Map(); // row: words
  const asked = new Map(); // first row of a block that is on its way: when it was asked for
  let total = 0;
  let generation = -1;
  let selected = -1; // among all frames
  let top = 0; // the first row in view, in parts of rows
  let current = 0; // the row that Tab comes to
  let placed = 0; // where this code put the scroll bar
  let waiting = 0;
  let wanted = -1; // a row to bring into view as soon as there is one
  let chosen = -1; // a row that was chosen before its columns came
  const pool = [];
  const pane = h("div", { class: "pane", role: "presentation" });
  const space = h("div", { class: "space", role: "presentation" }, pane);
  const port = h("div", { class: "port", role: "rowgroup", tabindex: "-1", onkeydown: keydown }, space);
  const head = h("div", { class: "lrow lhead", role: "row", "aria-rowindex": "1" }, HEADS.map(([name, said]) => h("span", { class: name, role: "columnheader" }, said)));
  const element = h("div", { class: "list", role: "grid", "aria-label": "frames", "aria-colcount": HEADS.length }, head, port);
  const settled = later(60, () => askWords());
  const resized = new ResizeObserver(() => {
    if (wanted >= 0) bringIntoView(wanted); // until now the list had no height
    paint();
  });
  resized.observe(port);

  const rowsInView = () => Math.max(1, port.clientHeight / ROW);
  const height = () => Math.min(total * ROW, TALLEST);
  const exact = () => total * ROW <= TALLEST;
  const lastTop = () => Math.max(0, total - rowsInView());
  const columnsOf = (row) => blocks.get(row - (row % BLOCK));

  port.addEventListener("scroll", () => {
    if (Math.abs(port.scrollTop - placed) > 1 || exact()) top = exact() ? port.scrollTop / ROW : (port.scrollTop / Math.max(1, height() - port.clientHeight)) * lastTop();
    if (!waiting) waiting = requestAnimationFrame(paint);
  });
  port.addEventListener(
    "wheel",
    (event) => {
      if (exact() || event.ctrlKey) return;
      event.preventDefault();
      go(top + (event.deltaMode ? event.deltaY * 3 : event.deltaY / ROW));
    },
    { passive: false },
  );
  pane.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]");
    if (row) choose(Number(row.dataset.row));
  });
  pane.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-row]");
    if (row && Number(row.dataset.row) !== current) {
      current = Number(row.dataset.row);
      rove();
    }
  });

  function go(row) {
    top = Math.max(0, Math.min(row, lastTop()));
    port.scrollTop = exact() ? top * ROW : (top / Math.max(1, lastTop())) * (height() - port.clientHeight);
    placed = port.scrollTop;
    paint();
  }

  function bringIntoView(row) {
    wanted = port.clientHeight ? -1 : row;
    if (wanted >= 0) return;
    space.style.height = `${height()}px`;
    if (row < top) go(row);
    else if (row + 1 > top + rowsInView()) go(row + 1 - rowsInView());
  }

  // Draws the rows in view into a few elements that are used again and again.
  function paint() {
    waiting = 0;
    const first = Math.floor(Math.min(top, lastTop()));
    const number = Math.min(Math.ceil(rowsInView()) + 1, total - first);
    space.style.height = `${height()}px`;
    pane.style.transform = `translateY(${exact() ? first * ROW : port.scrollTop - (top - first) * ROW}px)`;
    while (pool.length < number) pool.push(pane.appendChild(emptyRow()));
    pool.forEach((row, at) => fill(row, at < number ? first + at : -1));
    rove();
    keepFocus();
    askBlocks(first, number);
    settled();
  }

  function emptyRow() {
    const cells = HEADS.map(([name]) => h("span", { class: name, role: "gridcell" }));
    const row = h("div", { class: "lrow", role: "row", tabindex: "-1" }, cells);
    return Object.assign(row, { cells });
  }

  function fill(row, at) {
    row.hidden = at < 0;
    if (at < 0) return row.removeAttribute("data-row");
    const block = columnsOf(at);
    const said = words.get(at);
    const state = `${generation} ${at} ${!!block} ${!!said} ${selected}`;
    if (row.state === state) return;
    row.state = state;
    row.dataset.row = at;
    row.setAttribute("aria-rowindex", at + 2);
    const control = block && block.opcode[at % BLOCK] >= 8;
    row.className = `lrow${at % 2 ? " odd" : ""}${control ? " control" : ""}${block ? "" : " coming"}`;
    if (!block) {
      row.cells.forEach((cell) => cell.replaceChildren());
      return row.setAttribute("aria-selected", "false");
    }
    const one = Object.fromEntries(Object.entries(block).map(([name, values]) => [name, values[at % BLOCK]]));
    const sender = one.flags & 1 ? "server" : "client";
    const [time, conn, way, type, size, text, packet] = row.cells;
    time.textContent = one.time.toFixed(6);
    conn.textContent = one.connection;
    way.replaceChildren(h("span", { class: `arrow ${sender}`, "aria-hidden": "true" }), sender);
    type.replaceChildren(h("b", { class: "chip" }, opcodeName(one.opcode)));
    size.textContent = one.length.toLocaleString("en");
    packet.textContent = one.packet;
    text.replaceChildren(...(said ? wordsIn(said) : []));
    row.setAttribute("aria-selected", String(one.row === selected));
  }

  function wordsIn({ words: line, remarks, marks }) {
    return [
      ...marks.map(([severity, rule]) => h("span", { class: `rule ${severity}`, title: `${severity}: ${rule}` }, `${SIGNS[severity]} ${rule}`)),
      h("span", { class: "line" }, line),
      ...remarks.map((remark) => h("small", { class: "remark" }, remark)),
    ];
  }

  function askBlocks(first, number) {
    if (!number) return;
    for (let start = first - (first % BLOCK); start < first + number; start += BLOCK) {
      if (blocks.has(start) || performance.now() - (asked.get(start) ?? -Infinity) < 5000 || asked.size > 3) continue;
      asked.set(start, performance.now());
      setTimeout(() => asked.delete(start) && paint(), 5000); // nobody answered
      ask("rows", { start, count: BLOCK });
    }
  }

  function askWords() {
    const first = Math.floor(Math.min(top, lastTop()));
    const last = Math.min(first + Math.ceil(rowsInView()) + 1, total);
    for (let row = first; row < last; row++) {
      if (!words.has(row)) return ask("words", { start: row, count: last - row });
    }
  }

  function takeRows({ start, columns, generation: of }, buffers) {
    asked.delete(start);
    if (of !== generation) return;
    const block = {};
    columns.forEach(([name, type], at) => {
      const { buffer, byteOffset, byteLength } = buffers[at];
      block[name] = new TYPES[type](buffer.slice(byteOffset, byteOffset + byteLength)); // a copy lies where its type wants it
    });
    blocks.set(start, block);
    if (blocks.size > KEPT) blocks.delete(blocks.keys().next().value);
    if (chosen >= 0 && columnsOf(chosen)) choose(chosen);
    paint();
  }

  function takeWords({ start, words: said, generation: of }) {
    if (of !== generation) return;
    if (words.size > 20000) words.clear();
    said.forEach((each, at) => words.set(start + at, each));
    paint();
  }

  // Keys and focus

  function keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !total) return;
    const page = Math.max(1, Math.floor(rowsInView()) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves) move(Math.max(0, Math.min(total - 1, current + moves[event.key])));
    else if (event.key === "Enter" || event.key === " ") choose(current);
    else return;
    done(event);
  }

  const followed = later(150, () => choose(current));

  function move(row) {
    current = row;
    bringIntoView(row);
    rove();
    elementOf(row)?.focus({ preventScroll: true });
    if (selected >= 0) followed(); // where the details are open, they go along
  }

  function choose(row) {
    current = row;
    const block = columnsOf(row);
    chosen = block ? -1 : row;
    if (block) select(block.row[row % BLOCK]);
    rove();
  }

  const elementOf = (row) => pool.find((each) => !each.hidden && Number(each.dataset.row) === row);

  function rove() {
    const there = elementOf(current) ? current : Math.ceil(top);
    for (const row of pool) row.tabIndex = Number(row.dataset.row) === there ? 0 : -1;
  }

  // The elements stay while rows move through them: the focus goes with its row, or waits on the list.
  function keepFocus() {
    const active = element.getRootNode().activeElement;
    if (!active || active === port || !pane.contains(active)) return;
    const own = elementOf(current) ?? port;
    if (own !== active) own.focus({ preventScroll: true });
  }

  return {
    element, takeRows, takeWords,
    show(now) {
      const fresh = now.generation !== generation;
      if (fresh) {
        generation = now.generation;
        chosen = -1;
        blocks.clear();
        words.clear();
        asked.clear();
        if (now.shown !== total) current = Math.min(current, Math.max(0, now.shown - 1));
        total = now.shown;
        element.setAttribute("aria-rowcount", total + 1);
      }
      const moved = now.selected.row !== selected;
      selected = now.selected.row;
      if (now.selected.position >= 0 && (moved || fresh)) {
        current = now.selected.position;
        bringIntoView(current);
      } else if (fresh && top > lastTop()) go(lastTop());
      paint();
    },
    focus() {
      bringIntoView(current);
      elementOf(current)?.focus({ preventScroll: true });
    },
    end: () => resized.disconnect(),
  };
}
