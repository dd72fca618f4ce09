// The pieces of the browser simulator that need nothing but the picture.

const WHO = { page: "the page calls", server: "the server", network: "the network", loop: "the event loop" };

// A call may break behind a bracket, and its URL behind a slash, before anything else is cut in two.
const breakable = (words) => words.split(/(?<=\(|[^/]\/)(?!\/)/).flatMap((part) => [part, h("wbr")]);

// A row of the log: the state, who, the step with its notes, what the page hears, bufferedAmount.
function logRow(row, before, last) {
  const state = row.state || "no object";
  const same = before && (before.state || "no object") === state;
  return h(
    "li", { class: `row ${row.who}${last ? " last" : ""}` },
    h("span", { class: `state ${(row.state || "none").toLowerCase()}` }, same ? h("span", { class: "spoken" }, state) : state),
    h("span", { class: "who" }, row.who),
    h("span", { class: "step" }, h("code", {}, breakable(row.step)), row.notes.map((note) => h("small", {}, note))),
    h("span", { class: "heard" }, row.heard.map(([kind, words]) => h("b", { class: kind }, words))),
    h("span", { class: "level" }, h("span", { class: "fill", style: { width: `${100 * row.share}%` } }), h("span", { class: "amount" }, h("span", { class: "spoken" }, row.buffered && "bufferedAmount "), row.buffered)),
  );
}

const aheadRow = (row, at) => h("li", { class: `row ahead ${row.who}` }, h("span", { class: "state" }, at ? "" : "to come"), h("span", { class: "who" }, row.who), h("span", { class: "step" }, h("code", {}, breakable(row.step))));

// A place where bytes are, filled as far as it is.
const tank = (place) => h(
  "li", { class: `tank${place.full ? " full" : ""}` },
  h("span", { class: "box" },
    h("span", { class: "fill", style: { height: `${100 * place.level}%` } }),
    h("b", {}, place.name), h("span", { class: "size" }, place.size), h("small", {}, place.about)),
  place.words.map((words) => h("small", { class: "words" }, words)),
);

const fact = ([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
