// What a message costs. Python counts; this file draws `picture` and sends wishes: numbers, show, assume ...

const KEYS = [
  ["↑ ↓", "category by category"],
  ["Enter", "hold a category"],
  ["Esc", "let it go"],
  ["U", "undo"],
  ["R", "reset"],
  ["?", "these keys"],
];
const OFTEN = ["rate", "clients", "messages", "poll"];

function render({ model, el }) {
  if (!model.get("picture").bars) return;
  let hover = null; // which category the pointer or the focus is on
  let held = null;
  let stop = "0";
  const { root, picture, wish, speak, ...frame } = stage(model, "overhead", { keys: KEYS, unpin });

  const about = h("span", { class: "about" });
  const title = h("strong", { class: "title" });
  const choice = (change, words) => h("select", { onchange: (event) => change(event.target.value) }, words.map((word) => h("option", { value: word }, word)));
  const numbers = choice((value) => wish("numbers", value), ["modelled", "measured"]);
  const show = choice((value) => wish("show", value), ["per message", "in all"]);
  const fields = {}; // name of an assumption -> its input
  const size = number("size", "payload, bytes");
  const mechanisms = h("div", { class: "mechanisms", role: "group", "aria-label": "mechanisms" });
  const often = h("div", { class: "assumptions" });
  const others = h("div", { class: "assumptions" });
  const undo = h("button", { type: "button", onclick: () => wish("undo") }, "Undo");
  const reset = h("button", { type: "button", onclick: () => wish("reset") }, "Reset");
  const told = h("p", { class: "note" }, "A green edge: as the captures tell.");
  const assumed = h("div", { class: "assumed" }, heading("How it is used"), often, heading("What the model takes for granted"), others, told);
  const panel = h("div", { class: "panel", hidden: true }, mechanisms, assumed, undo, reset, h("button", { type: "button", onclick: frame.toggleKeys }, "Keys"));
  const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => more.setAttribute("aria-expanded", String(!toggle(panel))) }, "More");
  const chart = h("div", { class: "chart" });
  const words = h("ul", { class: "words" });
  const table = h("table", { class: "numbers", onkeydown: tableKey });
  const note = h("p", { class: "note" });
  frame.fill(
    h("div", { class: "top" }, title, about),
    h("div", { class: "bar" }, labelled("numbers", numbers), labelled("show", show), size, more, panel),
    frame.list, frame.notice, chart, words, h("div", { class: "scroll" }, table), note,
  );
  el.append(root);

  for (const place of [chart, table]) {
    place.addEventListener("pointerover", (event) => look(categoryOf(event.target)));
    place.addEventListener("pointerleave", () => look(null));
    place.addEventListener("click", (event) => hold(categoryOf(event.target)));
  }
  table.addEventListener("focusin", (event) => {
    stop = event.target.dataset.stop ?? stop;
    rove();
    look(categoryOf(event.target));
  });
  table.addEventListener("focusout", () => look(null));

  function number(name, what) {
    const field = h("input", { type: "text", inputmode: "decimal", size: 8, autocomplete: "off", "data-name": name, oninput: later(250, () => wish("assume", [name, field.value])) });
    fields[name] = field;
    return labelled(what, field);
  }

  // Drawing

  function draw(now, before) {
    const had = table.contains(root.getRootNode().activeElement);
    title.textContent = now.show === "in all" ? "Bytes in all" : "Bytes on the wire per message";
    about.textContent = now.about;
    root.setAttribute("aria-label", `${title.textContent}, by mechanism`);
    numbers.value = now.numbers;
    numbers.disabled = !now.measurable;
    numbers.title = now.measurable ? "" : "give captures to OverheadBars to measure them";
    show.value = now.show;
    drawControls(now);
    chart.replaceChildren(...(now.show === "in all" ? [growthChart(now.growth)] : now.bars.map((bar) => barRow(now, bar))));
    words.replaceChildren(...now.growth.words.map((each) => h("li", {}, each)));
    table.replaceChildren(...numbersTable(now));
    note.textContent = now.note;
    rove();
    mark();
    if (had) table.querySelector(`[data-stop="${stop}"]`)?.focus({ preventScroll: true });
    if (before && now.words !== before.words) speak([...now.bars.map((bar) => `${bar.name}: ${bar.total} bytes a message`), ...now.growth.words].join(". "));
  }

  function drawControls(now) {
    const boxes = now.mechanisms.map(([name, shown, on]) => {
      const box = check(shown, () => wish("mechanism", name));
      box.set(on);
      return box.element;
    });
    const focused = [...mechanisms.querySelectorAll("input")].indexOf(root.getRootNode().activeElement);
    mechanisms.replaceChildren(...boxes);
    mechanisms.querySelectorAll("input")[focused]?.focus();
    assumed.hidden = !now.assumptions.length;
    fields.size.disabled = !now.assumptions.length;
    fields.size.placeholder = now.assumptions.length ? "" : "as captured";
    if (!now.assumptions.length) fields.size.value = "";
    for (const { name, value, words: what, source } of now.assumptions) {
      if (!fields[name]) (OFTEN.includes(name) ? often : others).append(number(name, what));
      fields[name].title = source;
      fields[name].classList.toggle("told", !!source);
      put(fields[name], value);
    }
    told.hidden = !now.assumptions.some((each) => each.source);
    undo.disabled = !now.undo;
    reset.disabled = !now.changed;
  }

  // The category that is looked at

  function categoryOf(target) {
    return target.closest("[data-category]")?.dataset.category ?? null;
  }

  function look(category) {
    hover = category;
    mark();
  }

  function hold(category) {
    if (category === null) return;
    held = held === category ? null : category;
    mark();
    const bars = picture().bars.map((bar) => `${bar.name} ${bar.said[category]}`).join(", ");
    speak(held === null ? "let go" : `${picture().categories[category][0]}: ${bars}`);
  }

  function mark() {
    const shown = hover ?? held;
    root.classList.toggle("looking", shown !== null);
    for (const each of root.querySelectorAll("[data-category]")) each.classList.toggle("on", each.dataset.category === shown);
    for (const each of table.querySelectorAll(".category")) each.setAttribute("aria-pressed", String(each.dataset.stop === held));
  }

  // Keys

  function tableKey(event) {
    const stops = [...table.querySelectorAll("[data-stop]")];
    const at = stops.indexOf(event.target.closest("[data-stop]"));
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at < 0 || !move) return;
    stops[at + move]?.focus();
    done(event);
  }

  function rove() {
    const stops = [...table.querySelectorAll("[data-stop]")];
    const here = stops.find((each) => each.dataset.stop === stop) ?? stops[0];
    for (const each of stops) each.tabIndex = each === here ? 0 : -1;
  }

  function unpin() {
    held = null;
    mark();
  }

  return frame.follow(draw);
}

export default { render };
