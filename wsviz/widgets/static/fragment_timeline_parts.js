// The pieces of the timeline that need nothing but the picture.

const column = ({ left, right }) => ({ "grid-column": `${left + 2} / ${right + 2}` });
const edges = ({ opens, closes }) => `${opens ? " opens" : ""}${closes ? " closes" : ""}`;
const range = (start, end) => ({ "data-start": start, "data-end": end });

// One line: four rulers over the same units, the first column names them.
function timeLine(now, line, number) {
  const ruler = (kind, name, ...parts) =>
    h("div", { class: `ruler ${kind}`, role: "group", "aria-label": `${name}, line ${number + 1}` }, h("span", { class: "name", "aria-hidden": "true" }, name), parts.flat());
  return h(
    "div", { class: "line", "data-line": number },
    ruler("messages", "messages", line.messages.map(messageBar)),
    ruler("frames", "frames", line.frames.map((place) => frameBar(now, place)), line.frames.map((place) => edgeHandle(now, place))),
    ruler("bytes", "bytes", line.cells.map(byteCell), line.chars.map((unit) => h("i", { class: "cut-char", "aria-hidden": "true", style: { "grid-column": unit + 2 } }))),
    ruler("segments", "segments", line.segments.map((place) => segmentBar(now, place)), line.segments.map((place) => cutHandle(now, place))),
    h("div", { class: "ruler deliveries", "aria-hidden": "true" }, h("span", { class: "name" }), line.deliveries.map(delivery)),
    h("i", { class: "ghost", hidden: true }),
  );
}

function messageBar(message) {
  return h(
    "span", { class: `bar-of message${edges(message)}${message.delivered ? "" : " undelivered"}`, style: column(message), ...range(message.start, message.end), title: message.words },
    h("span", {}, message.words),
  );
}

function frameBar(now, place) {
  const frame = now.frames[place.index];
  const marks = place.opens ? frame.marks.map((mark) => h("b", { class: `mark ${now.findings[mark - 1]?.severity}` }, String(mark))) : [];
  const found = frame.marks.map((mark) => now.findings[mark - 1]?.rule).filter(Boolean);
  return h(
    "button",
    {
      type: "button", class: `bar-of frame${edges(place)}${frame.control ? " control" : ""}`, style: column(place), tabindex: "-1", "aria-pressed": "false",
      "aria-label": [frame.label, ...found].join(", "), "aria-hidden": place.opens ? null : "true", "data-frame": place.opens ? frame.index : null, ...range(frame.start, frame.end), title: frame.label,
    },
    h("span", {}, frame.name), marks,
  );
}

// The boundary between a fragment and the next: to be moved.
function edgeHandle(now, place) {
  const frame = now.frames[place.index];
  if (!frame.movable || !place.closes || !now.frames.some((each) => each.index > frame.index && each.opcode === 0)) return null;
  return h("span", {
    class: "handle edge", role: "slider", tabindex: "-1", "data-edge": frame.index, "data-at": frame.end, style: { "grid-column": place.right + 1 },
    "aria-label": `end of fragment ${frame.index}`, "aria-valuenow": frame.end, "aria-valuemin": 0, "aria-valuemax": now.size, "aria-valuetext": `before byte ${frame.end}`,
    title: "drag: payload bytes change frames",
  });
}

function byteCell(cell) {
  const attributes = cell.hex === "…"
    ? { role: "img" }
    : { role: "button", tabindex: "-1", "aria-pressed": "false", "data-byte": cell.start };
  return h(
    "span", { class: `byte ${cell.kind}${cell.hex === "…" ? " elided" : ""}`, style: { ...column(cell), "--stops": `var(--t-${cell.kind}), var(--t-${cell.kind})` }, ...range(cell.start, cell.end), "aria-label": cell.label, ...attributes },
    h("b", {}, cell.hex), h("small", {}, cell.glyph || "\u00a0"),
  );
}

function segmentBar(now, place) {
  const segment = now.segments[place.index];
  return h(
    "button",
    {
      type: "button", class: `bar-of segment${edges(place)}`, style: column(place), tabindex: "-1", "aria-pressed": "false", "aria-label": segment.label,
      "aria-hidden": place.opens ? null : "true", "data-segment": place.opens ? segment.index : null, ...range(segment.start, segment.end), title: segment.label,
    },
    h("span", {}, place.right - place.left > 5 ? segment.name : String(segment.index)),
  );
}

// Where a segment ends and the next begins: to be moved.
function cutHandle(now, place) {
  if (!place.closes || place.index >= now.cuts.length) return null;
  const at = now.cuts[place.index];
  return h("span", {
    class: "handle cut", role: "slider", tabindex: "-1", "data-cut": place.index, "data-at": at, style: { "grid-column": place.right + 1 },
    "aria-label": `cut ${place.index}`, "aria-valuenow": at, "aria-valuemin": 1, "aria-valuemax": now.size - 1, "aria-valuetext": `before byte ${at}`,
    title: "drag: TCP cuts elsewhere",
  });
}

function delivery({ unit, numbers }) {
  const words = numbers.length === 1 ? String(numbers[0]) : `${numbers[0]}-${numbers[numbers.length - 1]}`;
  return h("span", { class: `delivery${unit < 5 ? " first" : ""}`, style: { "grid-column": unit + 1 } }, h("i", {}, "▲"), h("b", {}, `onmessage ${words}`));
}

function arrival({ words, kind, range: [start, end] }) {
  const sign = { fail: "✕", message: "▲", close: "■", control: "•" }[kind] ?? "";
  return h("li", { class: `arrival ${kind}`, ...(end ? range(start, end) : {}) }, h("i", { "aria-hidden": "true" }, sign), h("span", {}, words));
}

function found({ severity, rule, where, text, range: [start, end] }, index) {
  return h(
    "div", { class: `finding ${severity}`, ...(end ? range(start, end) : {}) },
    h("b", { class: `mark ${severity}` }, String(index + 1)),
    h("div", {}, h("div", { class: "rule" }, h("b", {}, `${SIGNS[severity]} ${severity}`), h("span", {}, rule)), h("div", {}, text), h("small", {}, where)),
  );
}
