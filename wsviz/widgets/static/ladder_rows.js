// The pieces of the ladder that need nothing but the picture.

const TALL = 1400; // pixels that all waiting together takes where time is to scale
const TALLEST = 260; // and one wait at most: beyond, it is torn

function laneNames(now) {
  const names = now.lanes.map(({ role, address }, at) =>
    h("span", { class: `lane ${at === 0 ? "left" : at === now.lanes.length - 1 ? "right" : ""}`, title: address }, h("b", {}, role), h("span", {}, address)),
  );
  return [
    h("span", { class: "time" }, now.unit),
    h("span", { class: "packet" }, "packet"),
    now.states ? h("span", { class: "state" }, "readyState") : null,
    h("span", { class: "names" }, names),
  ].filter(Boolean);
}

function stepRow(now, row, before, pixels) {
  const wait = Math.min(pixels(row.wait), TALLEST);
  const torn = row.pause && (wait < 24 || wait === TALLEST);
  const fresh = row.state && (!before || before.state !== row.state);
  const classes = ["step", row.kind, row.sender, fresh ? "fresh" : "", row.place % 2 ? "odd" : ""];
  return h(
    "div",
    {
      class: classes.filter(Boolean).join(" "), role: "option", "aria-label": row.pause ? `${row.pause}; ${row.label}` : row.label,
      "aria-selected": String(now.selected === row.place), tabindex: "-1", "data-place": row.place,
      style: { "--wait": `${Math.max(wait, torn ? 24 : 0)}px` },
    },
    h("span", { class: "time" }, row.time, row.waited && h("small", {}, row.waited)),
    h("span", { class: "packet" }, row.packets),
    now.states ? h("span", { class: `state ${row.state}` }, fresh ? row.state : "") : null,
    h(
      "span", { class: "lanes" },
      row.pause ? h("span", { class: `pause${torn ? " torn" : ""}` }, row.pause) : null,
      rung(now, row),
    ),
  );
}

function rung(now, row) {
  const legs = now.lanes.length - 1;
  const way = row.sender ? "rung" : "rung band";
  const words = h("span", { class: "words" }, row.chip && h("b", { class: "chip" }, row.chip), h("span", { class: "said" }, row.words), row.marks.length ? h("small", { class: "remarks" }, row.marks.join(" · ")) : null);
  const column = `${row.leg + 1} / ${row.kind === "elided" ? legs + 1 : row.leg + 2}`;
  return h(
    "span", { class: way, style: { "grid-column": column } },
    h("span", { class: "text" }, words, row.size && h("small", { class: "size" }, row.size)),
    row.sender ? h("span", { class: "shaft" }) : null,
  );
}

// Of waiting times in ns, how many pixels they get: none, unless time is to scale.
function scaleOf(now, toScale) {
  const all = now.rows.reduce((sum, row) => sum + row.wait, 0);
  return (wait) => (toScale && all ? (wait / all) * TALL : 0);
}

function detailHead(detail) {
  return [
    detail.chip && h("b", { class: `chip ${detail.kind}` }, detail.chip),
    h("strong", {}, detail.title === detail.chip ? "packets" : detail.title),
    detail.way.filter(Boolean).map((words) => h("span", { class: "about" }, words)),
    detail.filter && h("span", { class: "about filter" }, "Wireshark: ", h("code", {}, detail.filter)),
  ].flat().filter(Boolean);
}
