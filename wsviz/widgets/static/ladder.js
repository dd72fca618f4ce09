// What happened on a connection, step by step. Python holds the steps; this file draws a window of them.

const KEYS = [
  ["↑ ↓", "step by step"],
  ["Page ↑ ↓", "ten steps"],
  ["Home, End", "first, last"],
  ["Enter", "select: its bytes"],
  ["Esc", "clear"],
  ["T", "time to scale"],
  ["?", "these keys"],
];
const BEAT = 5000; // milliseconds from one sign of life to the next, while the ladder grows
const SIGNS = { error: "✕", warning: "!", note: "i" };

function render({ model, el }) {
  if (!model.get("picture").rows) return;
  let focus = 0; // the place that Tab comes to
  let heard = 0; // when Python last said something
  let toScale = false;
  const { root, picture, wish, speak, ...frame } = stage(model, "ladder", { keys: KEYS, undo: false, unpin, onkey });
  const title = h("strong", { class: "title" });
  const facts = h("span", { class: "about" });
  const live = h("span", { class: "live", role: "status" });
  const head = h("div", { class: "head", "aria-hidden": "true" });
  const steps = h("div", { class: "steps", role: "listbox", "aria-label": "steps", onkeydown: stepKey });
  const earlier = h("button", { type: "button", class: "more", onclick: () => turn(-1) });
  const after = h("button", { type: "button", class: "more", onclick: () => turn(1) });
  const notes = h("p", { class: "notes" });
  const top = h("div", { class: "dtop" });
  const about = h("p", { class: "about facts" });
  const found = h("div", { class: "findings", role: "group", "aria-label": "findings" });
  const views = byteViews(model, { speak });
  const detail = h("section", { class: "detail", "aria-label": "the selected step" }, top, about, found, views.hex, views.list);
  const hint = h("p", { class: "hint" }, "Select a step to see its bytes.");
  const bar = ladderBar(wish, frame.toggleKeys, scale);
  const scroll = h("div", { class: "scroll" }, head, earlier, steps, after);
  frame.fill(h("div", { class: "top" }, title, facts, live), bar.element, frame.list, frame.notice, scroll, hint, detail, notes);
  el.append(root);

  steps.addEventListener("click", (event) => {
    const row = event.target.closest("[data-place]");
    if (row) select(Number(row.dataset.place));
  });

  steps.addEventListener("focusin", (event) => {
    focus = Number(event.target.closest("[data-place]").dataset.place);
    rove(false);
  });

  function draw(now, before) {
    const had = steps.contains(root.getRootNode().activeElement);
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
    heard = Date.now();
    live.textContent = now.live;
    live.classList.toggle("on", !now.over);
    title.textContent = now.title;
    facts.textContent = now.facts;
    root.setAttribute("aria-label", `${now.title}, step by step`);
    root.style.setProperty("--legs", now.lanes.length - 1);
    root.classList.toggle("stateless", !now.states);
    head.replaceChildren(...laneNames(now));
    const moved = !before || before.first !== now.first || before.connection !== now.connection;
    if (moved || JSON.stringify(before.rows) !== JSON.stringify(now.rows)) rows(now);
    for (const row of steps.children) row.setAttribute("aria-selected", String(Number(row.dataset.place) === now.selected));
    if (moved) scroll.scrollTop = 0;
    if (now.live && atEnd && !had) scroll.scrollTop = scroll.scrollHeight;
    for (const [button, words] of [[earlier, now.before], [after, now.after]]) {
      button.hidden = !words;
      button.textContent = words ? `… ${words}: show ${now.window} of them` : "";
    }
    notes.replaceChildren(...now.notes.map((words) => h("span", {}, words)));
    bar.show(now);
    hint.hidden = !!now.detail;
    detail.hidden = !now.detail;
    if (now.detail) inside(now.detail);
    focus = Math.max(now.first, Math.min(now.selected >= 0 ? now.selected : focus, now.first + now.rows.length - 1));
    rove(had);
    if (before && now.selected !== before.selected && now.detail) speak(said(now));
  }

  function rows(now) {
    const pixels = scaleOf(now, toScale);
    steps.replaceChildren(...now.rows.map((row, at) => stepRow(now, row, now.rows[at - 1], pixels)));
  }

  function inside(now) {
    top.replaceChildren(...detailHead(now));
    about.textContent = [now.about, ...now.facts].filter(Boolean).join(" · ");
    found.replaceChildren(...now.findings.map((each, index) => finding(now, each, index)));
    views.show(now);
  }

  const said = (now) => `selected: ${now.rows[now.selected - now.first]?.label ?? ""}. ${now.detail.parts.length} fields`;

  function select(place) {
    focus = place;
    wish("step", picture().selected === place ? null : place);
  }

  function turn(pages) {
    wish("from", Math.max(0, picture().first + pages * picture().window));
  }

  function scale(on) {
    toScale = on ?? !toScale;
    bar.scaled(toScale);
    rows(picture());
    rove(false);
    speak(toScale ? "time to scale" : "steps at equal distance");
  }

  function stepKey(event) {
    const now = picture();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [low, high] = [now.first, now.first + now.rows.length - 1];
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (event.key in moves) {
      focus = Math.max(low, Math.min(high, focus + moves[event.key]));
      rove(true);
    } else if (event.key === "Enter" || event.key === " ") select(focus);
    else return;
    done(event);
  }

  function onkey(event) {
    if (event.key.toLowerCase() !== "t") return false;
    scale();
  }

  function unpin() {
    if (model.get("selection").length) {
      model.set("selection", []);
      model.save_changes();
    } else if (picture().selected >= 0) wish("step", null);
  }

  function rove(take) {
    for (const row of steps.children) row.tabIndex = Number(row.dataset.place) === focus ? 0 : -1;
    if (take) steps.querySelector(`[data-place="${focus}"]`)?.focus();
  }

  // While it grows, Python hears that a page is there, and the page that Python is.
  const beat = setInterval(() => picture().over || Date.now() - heard < BEAT || wish("here"), BEAT);
  const end = frame.follow(draw, views.mark);
  return () => {
    clearInterval(beat);
    end();
  };
}

// Which connection, which levels, and the rest behind "More".
function ladderBar(wish, help, scale) {
  const chosen = h("select", { onchange: () => wish("connection", chosen.selectedIndex) });
  const which = labelled("connection", chosen, "wide");
  const levels = h("span", { class: "levels", role: "group", "aria-label": "levels" });
  const sender = h("select", { onchange: () => wish("sender", sender.value) }, ["", "client", "server"].map((who) => h("option", { value: who }, who || "both")));
  const frames = h("select", { onchange: () => wish("frames", frames.value) }, ["all", "data", "control"].map((what) => h("option", { value: what }, what)));
  const time = check("time to scale", (on) => scale(on));
  const panel = h("div", { class: "panel", hidden: true }, labelled("sent by", sender), labelled("frames", frames), time.element, h("button", { type: "button", onclick: help }, "Keys"));
  const open = h("button", { type: "button", "aria-expanded": "false", onclick: () => open.setAttribute("aria-expanded", String(!toggle(panel))) }, "More");
  const fold = ({ level, name, on }) =>
    h("button", { type: "button", class: `level ${level}`, "aria-pressed": String(on), title: on ? `fold ${name}` : `unfold ${name}`, onclick: () => wish("fold", level) }, h("i", { "aria-hidden": "true" }, on ? "▾" : "▸"), name);

  return {
    element: h("div", { class: "bar" }, which, levels, open, panel),
    scaled: (on) => time.set(on),
    show(now) {
      const at = [...levels.children].findIndex((each) => each === each.getRootNode().activeElement);
      which.hidden = !now.connections.length;
      if (chosen.children.length !== now.connections.length) chosen.replaceChildren(...now.connections.map((words) => h("option", {}, words)));
      chosen.selectedIndex = now.connection;
      levels.replaceChildren(...now.levels.map(fold));
      if (at >= 0) levels.children[at].focus();
      sender.value = now.sender;
      frames.value = now.frames;
    },
  };
}

export default { render };
