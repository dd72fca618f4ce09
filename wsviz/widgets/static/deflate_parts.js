// The pieces of the compression picture that need nothing but the picture.

const ORIGINS = [["literals", "literal", "literal"], ["inner", "inner", "copied within the message"], ["earlier", "earlier", "copied from earlier messages"]];
const SIGNS = { block: "block", end: "end", padding: "fill", tail: "00 00 ff ff" }; // symbols that give no byte

// Bars for a message: where its bytes come from, and below it what the wire carries.
function messageRow(row, widest) {
  const part = (size) => ({ "--part": `${(100 * size) / widest}%` });
  const pieces = ORIGINS.filter(([name]) => row[name]).map(([name, kind]) => h("i", { class: kind, style: part(row[name]) }));
  return h(
    "div", { class: "message", role: "row" },
    h(
      "span", { class: "line", role: "gridcell", "data-row": row.number, "aria-label": row.label },
      h("small", {}, String(row.number)), h("code", {}, row.text || "(empty)"),
      h("span", { class: "bars" }, h("span", {}, pieces), h("span", {}, h("i", { class: "sent", style: part(row.after) }))),
      h("span", { class: "sizes" }, `${row.before.toLocaleString("en")} → ${row.after.toLocaleString("en")}`),
      h("span", { class: "ratio" }, row.error ? "!" : row.compressed ? row.ratio : "RSV1 0"),
    ),
  );
}

const legend = () =>
  h(
    "p", { class: "legend" },
    [...ORIGINS.map(([, kind, words]) => [kind, words]), ["sent", "on the wire"]].map(([kind, words]) => h("span", {}, h("i", { class: kind }), words)),
  );

// An earlier message: what the chosen one copies of it, and what the window has lost.
const pastLine = (past) =>
  h(
    "p", { class: "past" },
    h("small", {}, String(past.number)),
    h(
      "span", {}, past.hidden ? h("small", {}, `… ${past.hidden.toLocaleString("en")} bytes before `) : "",
      past.segments.map((piece) => {
        const segment = h("span", { class: piece.lost ? "lost" : piece.users.length ? "used" : "" }, piece.text);
        segment.dataset.users = piece.users.join(" ");
        return segment;
      }),
    ),
  );

const symbolChip = (cell, index) =>
  h("span", { class: `symbol ${cell.kind}`, role: "gridcell", "data-cell": index, "aria-label": cell.label }, SIGNS[cell.kind] ?? (cell.text || "·"));

const bitPieces = (cell) => cell.bits.map(([bits, says]) => h("li", {}, bits ? h("code", {}, bits) : "", h("span", {}, says)));

// The same messages under other terms.
function termTable(now) {
  const head = (words) => h("th", { scope: "row" }, words);
  const line = (words, value) => h("tr", {}, head(words), now.terms.map((term) => h("td", { class: term.bits === now.bits ? "now" : "" }, value(term))));
  const kib = (size) => `${size >> 10} KiB`;
  const mark = (kept) => (kept === now.keep ? " (as above)" : "");
  return [
    h("thead", {}, h("tr", {}, head("window, in bytes"), now.terms.map((term) => h("th", { scope: "col", class: term.bits === now.bits ? "now" : "" }, term.window)))),
    h(
      "tbody", {},
      line(`window kept: bytes in all${mark(true)}`, (term) => term.kept.toLocaleString("en")),
      line(`forgotten: bytes in all${mark(false)}`, (term) => term.forgotten.toLocaleString("en")),
      line("memory of the sender's zlib", (term) => kib(term.sender)),
      line("memory of the receiver's zlib", (term) => kib(term.receiver)),
    ),
  ];
}

// The controls: a message to add, the two terms; the rest behind "More".
function deflateControls(wish, help) {
  const text = h("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: "type a message, Enter adds it" });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    wish("add", wellFormed(text.value));
    text.value = "";
  });
  const keep = check("Keep the window", (on) => wish("keep", on));
  const bits = h("select", { onchange: () => wish("bits", Number(bits.value)) });
  const button = (words, what) => h("button", { type: "button", onclick: what }, words);
  const undo = button("Undo", () => wish("undo"));
  const reset = button("Reset", () => wish("reset"));
  const remove = button("Remove this message", () => wish("remove"));
  const side = h("select", { onchange: () => wish("side", side.value) });
  const sides = labelled("sent by the", side);
  const panel = h("div", { class: "panel", hidden: true }, undo, reset, remove, sides, button("Keys", help));
  const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => more.setAttribute("aria-expanded", String(!toggle(panel))) }, "More");
  const element = h("div", { class: "bar" }, labelled("one more message", text, "wide"), labelled("window", bits), keep.element, more, panel);

  function show(now) {
    keep.set(now.keep);
    if (!bits.options.length) bits.append(...now.windows.map(([size, words]) => h("option", { value: size }, `${words} bytes`)));
    bits.value = String(Math.max(now.bits, 9));
    undo.disabled = !now.undo;
    reset.disabled = !now.changed;
    remove.disabled = !now.rows.length;
    sides.hidden = !now.sides.length;
    if (!side.options.length) side.append(...now.sides.map((name) => h("option", {}, name)));
    side.value = now.sides.find((name) => now.facts.includes(`sent by the ${name}`)) ?? "";
  }

  return { element, show };
}
