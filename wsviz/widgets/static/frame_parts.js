// The pieces of the frame diagram that need nothing but the picture.

function term({ kind, size, label }, index) {
  const box = h(
    "span", { class: kind === "=" ? "total" : `term ${kind}${size ? "" : " ghost"}` },
    h("b", {}, size.toLocaleString("en")), h("small", {}, label),
  );
  return h("span", { class: "step" }, index ? h("span", { class: "op" }, kind === "=" ? "=" : "+") : null, box);
}

// Rows of bits; a part of more than a byte is drawn byte by byte, so that each says what it is.
function bitRows(now) {
  const rows = [ruler(now)];
  const ghosts = now.parts.filter((part) => !part.size && !now.missing);
  const partAt = (bit) => (bit >= 0 && bit < now.bits ? now.parts.find((part) => part.start <= bit && bit < part.start + part.size) : null);
  for (let first = 0; first < now.bits; first += now.per_row) {
    rows.push(...ghosts.filter((part) => part.start === first).map(ghost));
    rows.push(bitRow(now, first, partAt));
  }
  rows.push(...ghosts.filter((part) => part.start % now.per_row || part.start >= now.bits).map(ghost));
  if (now.more) rows.push(slim("more", now.more));
  if (now.missing) rows.push(slim("missing", now.missing));
  if (now.rest) rows.push(slim("rest", now.rest));
  return rows;
}

const ghost = (part) => slim("ghost", `${part.name}: ${part.meaning}`);
const slim = (kind, words) => h("div", { class: `slim ${kind}`, "aria-hidden": "true" }, words);

function ruler(now) {
  const numbers = Array.from({ length: now.per_row }, (_, bit) => h("span", { style: { "grid-column": bit + 2 } }, String(bit)));
  return h("div", { class: "row ruler", "aria-hidden": "true" }, h("span", { class: "offset" }, "byte"), numbers);
}

function bitRow(now, first, partAt) {
  const last = Math.min(first + now.per_row, now.bits);
  const named = now.parts.some((part) => part.size && part.start >= first && part.start < last);
  const pieces = [h("span", { class: "offset", "aria-hidden": "true" }, String(first / 8))];
  for (let bit = first; bit < last; ) {
    const part = partAt(bit);
    const end = Math.min(part.start + part.size, last, inBytes(part) ? bit + 8 : last);
    pieces.push(segment(now, part, bit, end, first, partAt));
    if (bit === part.start) pieces.push(name(now, part, first, last));
    const words = inBytes(part) ? now.captions[bit / 8][0] : part.words[0];
    pieces.push(h("span", { class: `cap ${part.kind}${part.size === 1 ? " one" : ""}`, "aria-hidden": "true", style: columns(bit, end, first) }, words));
    bit = end;
  }
  for (let bit = first; bit < last; bit++) pieces.push(cell(now, partAt(bit), bit, first));
  return h("div", { class: named ? "row" : "row unnamed", role: "row" }, pieces);
}

const inBytes = (part) => part.start % 8 === 0 && part.size % 8 === 0;
const columns = (start, end, first) => ({ "grid-column": `${start - first + 2} / ${end - first + 2}` });

function segment(now, part, start, end, first, partAt) {
  const edges = ["seg", part.kind];
  if (partAt(start - now.per_row) !== part) edges.push("top");
  if (partAt(start + now.per_row) !== part) edges.push("bottom");
  if (start === part.start || start === first) edges.push("begin");
  if (end === part.start + part.size || end === first + now.per_row) edges.push("end");
  return h("span", { class: edges.join(" "), "aria-hidden": "true", style: columns(start, end, first) });
}

function name(now, part, first, last) {
  const end = Math.min(part.start + part.size, last);
  const marks = part.marks.map((mark) => h("b", { class: `mark ${now.findings[mark - 1].severity}` }, String(mark)));
  const said = part.size < 8 ? part.bits : `${part.kind === "payload" ? `${part.size / 8} byte${part.size > 8 ? "s" : ""}` : part.bits} · ${part.meaning}`;
  return h(
    "span", { class: `name ${part.kind}${part.size === 1 ? " one" : ""}`, "aria-hidden": "true", style: columns(part.start, end, first) },
    h("b", {}, part.name), part.size > (now.per_row === 32 ? 7 : 1) && h("span", { class: "said" }, said), marks.length ? h("span", { class: "marks" }, marks) : null,
  );
}

function cell(now, part, bit, first) {
  const value = (now.bytes[bit >> 3] >> (7 - (bit % 8))) & 1;
  return h(
    "span",
    {
      class: `bit ${part.kind} v${value}${bit % 8 === 7 ? " octet" : ""}`,
      role: "gridcell",
      "data-bit": bit,
      "aria-label": `${part.label}; bit ${bit % 8} of byte ${bit >> 3} is ${value}`,
      style: { "grid-column": bit - first + 2 },
    },
    String(value),
  );
}

function hexRow(now) {
  const cells = now.bytes.map((byte, at) => {
    const over = now.parts.filter((part) => part.size && part.start < 8 * at + 8 && part.start + part.size > 8 * at);
    const stops = over.map((part) => {
      const from = Math.max(part.start - 8 * at, 0) * 12.5;
      const to = Math.min(part.start + part.size - 8 * at, 8) * 12.5;
      return `var(--t-${part.kind}) ${from}% ${to}%`;
    });
    return h(
      "span",
      {
        class: `byte ${over.length === 1 ? over[0].kind : ""}`,
        role: "gridcell",
        "data-byte": at,
        "aria-label": `byte ${at}, hex ${hex2(byte)}, ${over.map((part) => part.name).join(", ")}${now.glyphs[at] ? `, ${now.glyphs[at]}` : ""}`,
        style: { "--stops": stops.join(", ") },
      },
      h("b", {}, hex2(byte)), h("small", {}, now.glyphs[at] || "\u00a0"),
    );
  });
  const rest = now.rest_bytes.map((byte) => h("span", { class: "byte after" }, h("b", {}, hex2(byte))));
  if (now.more_hex) cells.push(h("span", { class: "more" }, now.more_hex));
  const row = h("div", { class: "hexrow", role: "row" }, cells);
  if (!rest.length) return [row];
  const words = now.rest + (now.rest_more ? `, the first ${now.rest_bytes.length} of them` : "");
  return [row, h("div", { class: "hexrow after", "aria-hidden": "true" }, h("span", { class: "more" }, words), rest)];
}

function fieldRow(part, changed) {
  const classes = ["field", part.size ? "" : "ghost", changed ? "changed" : ""].join(" ").trim();
  return h(
    "li", {},
    h(
      "button",
      {
        type: "button", class: classes, "data-name": part.name, "data-start": part.start, "data-end": part.start + part.size,
        "aria-label": part.label, "aria-pressed": "false", "aria-disabled": part.size ? null : "true",
      },
      h("i", { class: `swatch ${part.size ? part.kind : "ghost"}` }),
      h("span", { class: "fname" }, part.name),
      h("span", { class: "value" }, part.value),
      h("span", { class: "meaning" }, part.meaning),
      h("span", { class: "span" }, part.size > 1 ? `bits ${part.span}` : part.size ? `bit ${part.span}` : ""),
    ),
  );
}

function finding(now, { severity, rule, where, text, field }, index) {
  const part = now.parts.find((each) => each.name === field);
  const range = part ? { "data-start": part.start, "data-end": part.start + part.size } : {};
  return h(
    "div", { class: `finding ${severity}`, ...range },
    h("b", { class: `mark ${severity}` }, String(index + 1)),
    h("div", {}, h("div", { class: "rule" }, h("b", {}, `${SIGNS[severity]} ${severity}`), h("span", {}, rule)), h("div", {}, text), h("small", {}, where)),
  );
}

// Of a masked payload byte, the byte of the key that masks it.
function keyOf(now, { start, end }) {
  const key = now.parts.find((part) => part.kind === "key" && part.size === 32);
  if (!key || start < 8 * now.header || end - start > 8) return null;
  const at = key.start + 8 * ((Math.floor(start / 8) - now.header) % 4);
  return { start: at, end: at + 8 };
}

function describe(now, { start, end, bit }) {
  const over = now.parts.filter((part) => part.size && part.start < end && part.start + part.size > start);
  const at = bit >= 0 ? `byte ${bit >> 3}, bit ${bit % 8}` : start % 8 || end - start < 8 ? "" : end - start === 8 ? `byte ${start / 8}` : "";
  const one = over.length === 1 ? over[0] : null;
  const caption = one && one.size >= 8 && end - start === 8 ? now.captions[start / 8]?.[0] : "";
  const what = one ? (caption ? `${one.name}: ${caption}` : `${one.name}: ${one.value === one.meaning ? "" : `${one.value}, `}${one.meaning}`) : over.map((part) => `${part.name} ${part.value}`).join(" · ");
  return [at, what, one ? one.section : "", bit >= 0 ? "click flips" : ""].filter(Boolean).join(" · ");
}
