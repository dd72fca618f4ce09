// The opening handshake as five negotiations. Python builds, answers and judges; this file draws and sends wishes.

const KEYS = [
  ["↑ ↓", "lane by lane, line by line"],
  ["Enter", "pin the line, or the lane's first one"],
  ["Esc", "clear the pin"],
  ["U", "undo"],
  ["R", "reset"],
  ["?", "these keys"],
];

function render({ model, el }) {
  if (!model.get("picture").lanes) return;
  let hover = null; // what the pointer or the focus is on: { lane, start }, start -1 for a whole lane
  const focus = { lane: 0, line: 0 }; // what Tab comes to in each grid
  const { root, picture, wish, speak, ...frame } = stage(model, "handshake", { keys: KEYS });

  const about = h("span", { class: "about" });
  const bar = controls(wish, frame.toggleKeys);
  const outcomes = h("div", { class: "outcomes" });
  const lanes = h("div", { class: "lanes", role: "grid", "aria-label": "five negotiations" });
  const texts = h("div", { class: "texts" });
  const accept = h("div", {});
  const found = h("div", { class: "findings", role: "group", "aria-label": "findings" });
  root.setAttribute("aria-label", "The opening handshake");
  frame.fill(
    h("div", { class: "top" }, h("strong", { class: "title" }, "The opening handshake"), about), bar.element, frame.list, frame.notice,
    outcomes, lanes, found, heading("What goes over the wire"), texts, heading("The accept key, step by step"), accept,
  );
  el.append(root);

  for (const place of [lanes, texts, found]) {
    place.addEventListener("pointerover", (event) => look(placeOf(event.target)));
    place.addEventListener("pointerleave", () => look(null));
    place.addEventListener("focusin", (event) => look(placeOf(event.target)));
    place.addEventListener("focusout", () => look(null));
    place.addEventListener("click", (event) => pin(placeOf(event.target)));
    place.addEventListener("keydown", gridKey);
  }

  const lanesShown = () => [...lanes.querySelectorAll("[data-lane]")];
  const linesShown = () => [...texts.querySelectorAll("[data-start]")];

  // Drawing

  function draw(now, before) {
    hover = null;
    const active = root.getRootNode().activeElement;
    const had = lanes.contains(active) ? "lane" : texts.contains(active) ? "line" : "";
    about.textContent = now.about;
    outcomes.replaceChildren(...now.outcomes.map(outcome));
    lanes.replaceChildren(...laneRows(now));
    texts.replaceChildren(message(now, "request", "client", now.request), message(now, "response", "server", now.response));
    accept.replaceChildren(...acceptSteps(now));
    found.replaceChildren(...now.findings.map((each, index) => finding(now, each, index)));
    bar.show(now);
    mark();
    if (had) (had === "lane" ? lanesShown() : linesShown())[focus[had]]?.focus({ preventScroll: true });
    if (before && JSON.stringify(now.outcomes) !== JSON.stringify(before.outcomes)) speak(now.outcomes.map(({ who, what }) => `${who}: ${what}`).join(". "));
  }

  function mark() {
    const pinned = model.get("selection");
    const line = linesShown().find((each) => pinned.length && Number(each.dataset.start) === pinned[0]);
    const held = line ? { lane: Number(line.dataset.of), start: pinned[0] } : null;
    const shown = hover ?? held;
    for (const row of lanesShown()) {
      row.classList.toggle("on", shown?.lane === Number(row.dataset.lane));
      row.setAttribute("aria-selected", String(held?.lane === Number(row.dataset.lane)));
    }
    for (const each of linesShown()) {
      const [start, lane] = [Number(each.dataset.start), Number(each.dataset.of)];
      each.classList.toggle("at", shown?.start === start);
      each.classList.toggle("on", !!shown && lane >= 0 && lane === shown.lane);
      each.setAttribute("aria-selected", String(held?.start === start));
    }
    for (const each of found.children) each.classList.toggle("on", !!shown && shown.lane >= 0 && Number(each.dataset.finding) === shown.lane);
    focus.lane = Math.min(focus.lane, lanesShown().length - 1);
    focus.line = Math.min(focus.line, linesShown().length - 1);
    lanesShown().forEach((row, at) => (row.tabIndex = at === focus.lane ? 0 : -1));
    linesShown().forEach((row, at) => (row.tabIndex = at === focus.line ? 0 : -1));
  }

  // The selection

  function placeOf(target) {
    const row = target.closest("[data-lane], [data-start], [data-finding]");
    if (!row) return null;
    if (row.dataset.lane) return { lane: Number(row.dataset.lane), start: -1 };
    if (row.dataset.finding) return { lane: Number(row.dataset.finding), start: -1 };
    return { lane: Number(row.dataset.of), start: Number(row.dataset.start) };
  }

  function look(place) {
    hover = place;
    mark();
  }

  // A lane is pinned by the first of its lines.
  function pin(place) {
    if (!place) return;
    const lines = [...picture().request, ...picture().response];
    const line = lines.find((each) => (place.start < 0 ? each.lane === place.lane && place.lane >= 0 : each.start === place.start));
    if (!line) return speak("no line of either half is of this negotiation");
    const next = [line.start, line.end, -1];
    const same = JSON.stringify(next) === JSON.stringify(model.get("selection"));
    model.set("selection", same ? [] : next);
    model.save_changes();
    mark();
    speak(same ? "pin cleared" : `pinned: ${line.text}`);
  }

  // Keys

  function gridKey(event) {
    const row = event.target.closest("[data-lane], [data-start]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const [what, rows] = row.dataset.lane ? ["lane", lanesShown()] : ["line", linesShown()];
    const move = { ArrowDown: 1, ArrowUp: -1, Home: -rows.length, End: rows.length }[event.key];
    if (move) {
      focus[what] = Math.max(0, Math.min(rows.indexOf(row) + move, rows.length - 1));
      rows[focus[what]].focus();
    } else if (event.key === "Enter" || event.key === " ") pin(placeOf(row));
    else return;
    done(event);
  }

  // Life

  return frame.follow(draw, mark);
}

export default { render };
