// The pieces of the overhead bars that need nothing but the picture.

const SVG = "http://www.w3.org/2000/svg"; // the name of a namespace, which nobody fetches

function drawn(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Colour and pattern of a category: --c as in the figure, and stripes by its place, so that colour is not alone.
const look = ([, colour], at) => ({ "--c": colour, "--turn": `${(at * 37) % 180}deg` });

function barRow(now, bar) {
  const parts = bar.parts.map((part, at) => {
    if (!part) return null;
    const share = (100 * part * bar.share) / bar.parts.reduce((sum, each) => sum + each, 0);
    const [name] = now.categories[at];
    return h(
      "span", { class: `part${at ? " striped" : ""}`, "data-category": at, title: `${name}: ${bar.said[at]} bytes`, style: { ...look(now.categories[at], at), width: `${share}%` } },
      share > 6 && h("b", {}, bar.said[at]), share > 15 && h("small", {}, name),
    );
  });
  return h(
    "div", { class: "barrow" },
    h("span", { class: "name" }, bar.name),
    h("span", { class: "track" }, h("span", { class: "stack" }, parts.filter(Boolean)), h("span", { class: "total" }, h("b", {}, bar.total), h("small", {}, bar.ratio))),
  );
}

// Every number, a column a mechanism; the swatches make it the legend.
function numbersTable(now) {
  const cells = (values, kind = "") => values.map((value) => h("td", { class: kind }, value));
  const head = h("tr", {}, h("th", { scope: "col" }, "bytes a message"), now.bars.map((bar) => h("th", { scope: "col" }, bar.name)));
  const rows = now.categories.map((category, at) =>
    h("tr", { "data-category": at }, h("th", { scope: "row" }, h("button", { type: "button", class: "category", "data-stop": at, "aria-pressed": "false" }, h("i", { class: `key${at ? " striped" : ""}`, style: look(category, at) }), category[0])), cells(now.bars.map((bar) => bar.said[at]))),
  );
  const line = (words, values, kind = "") => h("tr", { class: kind }, h("th", { scope: "row" }, words), cells(values));
  rows.push(line("total", now.bars.map((bar) => bar.total), "sum"));
  rows.push(line("spent once, bytes in all", now.bars.map((bar) => bar.once), "soft"));
  rows.push(line("then by the message", now.bars.map((bar) => bar.each), "soft"));
  if (now.bars.some((bar) => bar.traffic)) rows.push(line("traffic of all clients", now.bars.map((bar) => bar.traffic), "soft"));
  return [h("thead", {}, head), h("tbody", {}, rows)];
}

// Bytes in all over messages; the numbers of the axes and of the ends are text of the page.
function growthChart({ curves, messages, top, step, crossings }) {
  const [width, height, left, right, low] = [760, 300, 78, 520, 262];
  const x = (number) => left + ((right - left) * number) / messages;
  const y = (amount) => low - ((low - 30) * amount) / top;
  const text = (at, down, words, anchor = "start") => drawn("text", { x: at, y: down, "text-anchor": anchor }, words);
  const parts = [];
  for (let tick = 0; tick <= top + step / 1e6; tick += step) {
    parts.push(drawn("line", { class: tick ? "mark" : "axis", x1: left, x2: right, y1: y(tick), y2: y(tick) }));
    parts.push(text(left - 8, y(tick) + 4, Math.round(tick * 100) / 100 >= 1 || !tick ? Math.round(tick).toLocaleString("en") : String(tick), "end"));
  }
  for (const part of [0, 0.25, 0.5, 0.75, 1]) parts.push(text(x(messages * part), low + 18, (messages * part).toLocaleString("en"), "middle"));
  parts.push(text(right + 36, low + 18, "messages"), text(left - 8, 14, "bytes", "end"));
  let below = -20;
  for (const curve of [...curves].sort((one, other) => other.last - one.last)) {
    const end = y(curve.last);
    below = Math.max(below + 17, end + 4);
    parts.push(drawn("line", { class: "curve", x1: left, y1: y(curve.first), x2: right, y2: end, stroke: curve.colour, "stroke-dasharray": curve.dashes || "none" }));
    parts.push(drawn("line", { x1: right + 2, y1: end, x2: right + 12, y2: below - 4, stroke: curve.colour }));
    parts.push(text(right + 16, below, `${Math.round(curve.last).toLocaleString("en")} ${curve.name}`));
  }
  for (const [number, amount] of crossings) parts.push(drawn("circle", { class: "crossing", cx: x(number), cy: y(amount), r: 5 }));
  return drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "bytes in all over messages; the table below holds the numbers" }, ...parts);
}
