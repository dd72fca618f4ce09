// Messages, frames and segments over one byte axis. Python decodes; this file draws `picture` and sends wishes.

const KEYS = [
  ["Tab", "frames, bytes, segments"],
  ["← →", "one by one"],
  ["Shift + ← →", "move a boundary"],
  ["Enter", "pin"],
  ["P", "ping before the frame"],
  ["S", "split: a frame begins at the byte"],
  ["C", "cut: a segment begins at the byte"],
  ["J, Delete", "join fragments, or segments, at a boundary"],
  ["U, R", "undo, reset"],
  ["Esc", "clear the pin"],
  ["?", "these keys"],
];
const SIGNS = { error: "✕", warning: "!", note: "i" };
const GROUPS = { frames: "[data-frame], [data-edge]", bytes: "[data-byte]", segments: "[data-segment], [data-cut]" };

function render({ model, el }) {
  if (!model.get("picture").lines) return;
  let hover = null; // [start, end] in bytes
  const focus = { frames: "", bytes: "", segments: "" }; // what Tab comes to, by group
  const { root, picture, wish, speak, ...frame } = stage(model, "fragments", { keys: KEYS });
  const title = h("strong", { class: "title" });
  const facts = h("span", { class: "about" });
  const way = h("span", { class: "way" });
  const axis = h("div", { class: "axis", onkeydown: axisKey });
  const undrawn = h("p", { class: "about" });
  const readout = h("p", { class: "readout", "aria-hidden": "true" });
  const context = h("div", { class: "bar context", role: "group", "aria-label": "what is pinned" });
  const brings = h("ul", { class: "arrivals", "aria-label": "what each segment brings" });
  const chars = h("div", { class: "chars" });
  const findings = h("div", { class: "findings", role: "group", "aria-label": "findings" });
  const bar = timelineBar(wish, frame.toggleKeys, pingPlace);
  frame.fill(
    h("div", { class: "top" }, title, facts, way), bar.element, frame.list, frame.notice, h("div", { class: "scroll" }, axis), undrawn, readout, context,
    findings, heading("What each segment brings"), brings, chars,
  );
  el.append(root);
  for (const place of [axis, brings, findings]) {
    place.addEventListener("pointerover", (event) => look(rangeOf(event.target)));
    place.addEventListener("pointerleave", () => look(null));
  }
  axis.addEventListener("focusin", (event) => {
    const group = groupOf(event.target);
    if (group) {
      focus[group] = nameOf(event.target.closest(GROUPS[group]));
      rove();
    }
    look(rangeOf(event.target));
  });
  axis.addEventListener("focusout", () => look(null));
  axis.addEventListener("click", (event) => event.target.closest("[data-edge], [data-cut]") || pin(rangeOf(event.target)));
  axis.addEventListener("pointerdown", (event) => event.button === 0 && drag(axis, event, move, (words) => (readout.textContent = words)));

  function draw(now, before) {
    hover = null;
    const active = root.getRootNode().activeElement;
    const group = axis.contains(active) ? groupOf(active) : "";
    title.textContent = now.title;
    facts.textContent = now.facts;
    root.setAttribute("aria-label", "messages, frames and segments");
    way.replaceChildren(...arrow(now.sender, now.receiver));
    axis.replaceChildren(...now.lines.map((line, number) => timeLine(now, line, number)));
    undrawn.textContent = now.undrawn;
    brings.replaceChildren(...now.arrivals.map(arrival));
    chars.replaceChildren(...(now.chars.length ? [heading("Characters cut"), ...now.chars.map((words) => h("p", {}, words))] : []));
    findings.replaceChildren(...now.findings.map(found));
    bar.show(now);
    rove();
    mark();
    if (group) current(group)?.focus({ preventScroll: true });
    if (before && now.words !== before.words) speak([now.title, ...now.findings.map((each) => `${each.severity}: ${each.text}`), now.words].join(". "));
  }

  // The selection

  function rangeOf(target) {
    const part = target.closest("[data-start]");
    if (part) return [Number(part.dataset.start), Number(part.dataset.end)];
    const handle = target.closest("[data-at]");
    return handle ? [Number(handle.dataset.at) - 1, Number(handle.dataset.at) + 1] : null;
  }

  function look(range) {
    hover = range;
    mark();
  }

  function pin(range) {
    if (!range) return;
    const same = JSON.stringify([...range, -1]) === JSON.stringify(model.get("selection"));
    model.set("selection", same ? [] : [...range, -1]);
    model.save_changes();
    mark();
    speak(same ? "pin cleared" : `pinned: ${described(range)}`);
  }

  function mark() {
    const held = model.get("selection");
    const shown = hover ?? (held.length ? held : null);
    for (const part of axis.querySelectorAll("[data-start]")) {
      const [start, end] = [Number(part.dataset.start), Number(part.dataset.end)];
      part.classList.toggle("on", !!shown && start < shown[1] && end > shown[0]);
      if (part.hasAttribute("aria-pressed")) part.setAttribute("aria-pressed", String(start === held[0] && end === held[1]));
    }
    readout.textContent = shown ? described(shown) : "Point at anything; click to pin it. Drag the thick handles: the upper ones move frames, the lower ones segments.";
    actions(picture(), held);
  }

  function described([start, end]) {
    const now = picture();
    const same = (each) => each.start === start && each.end === end;
    const named = now.frames.find(same)?.label ?? now.segments.find(same)?.label;
    if (named) return named;
    const cell = axis.querySelector(`[data-byte="${start}"]`);
    return cell && end === start + 1 ? cell.getAttribute("aria-label") : `bytes ${start} to ${end - 1}`;
  }

  // What can be done with what is pinned
  function actions(now, [start, end]) {
    const button = (words, work, on = true) => h("button", { type: "button", disabled: !on, onclick: work }, words);
    const whole = now.frames.find((each) => each.start === start && each.end === end);
    const within = now.frames.find((each) => each.start <= start && start < each.end);
    const key = JSON.stringify([start, end, whole, within]);
    if (context.dataset.key === key) return;
    context.dataset.key = key;
    if (whole) {
      const fin = check("FIN", (on) => wish("fin", [whole.index, on]));
      fin.set(whole.fin);
      const opcode = h("select", { onchange: () => wish("opcode", [whole.index, opcode.selectedIndex]) }, now.opcodes.map((words) => h("option", {}, words)));
      opcode.selectedIndex = whole.opcode;
      context.replaceChildren(
        h("b", {}, `frame ${whole.index}`), fin.element, labelled("opcode", opcode), button("Ping before it", () => wish("ping", whole.index)),
        button("Join with the next", () => wish("join", whole.index), whole.movable), button("Remove", () => wish("remove", whole.index)),
      );
    } else if (end === start + 1) {
      context.replaceChildren(
        h("b", {}, `byte ${start}`), button("Begin a fragment here", () => wish("split", start), !!within && !within.control && start > within.payload),
        button(now.cuts.includes(start) ? "Join the segments here" : "Begin a segment here", () => wish("cut", start), start > 0),
      );
    } else context.replaceChildren();
    context.hidden = !context.children.length;
  }

  // Where "Insert a ping" puts it: before the pinned frame, else between the first two fragments, else at the end.
  function pingPlace() {
    const now = picture();
    const [start, end] = model.get("selection");
    const pinned = now.frames.find((each) => each.start === start && each.end === end);
    const fragment = now.frames.find((each) => each.movable);
    return pinned ? pinned.index : fragment ? fragment.index + 1 : now.frames.length;
  }

  function move(handle, offset) {
    const { edge, cut, at } = handle.dataset;
    if (Number(at) === offset) return;
    if (edge) wish("move_boundary", [Number(edge), offset]);
    else wish("move_cut", [Number(cut), offset]);
  }

  // Keys: each group is one tab stop, its parts are in the order of the bytes

  const groupOf = (element) => Object.keys(GROUPS).find((group) => element.closest(GROUPS[group])) ?? "";
  const nameOf = ({ dataset: { frame: whole, edge, byte, segment, cut } }) =>
    whole ? `frame="${whole}"` : edge ? `edge="${edge}"` : byte ? `byte="${byte}"` : segment ? `segment="${segment}"` : `cut="${cut}"`;
  const current = (group) => (focus[group] && axis.querySelector(`[data-${focus[group]}]`)) || axis.querySelector(GROUPS[group]);
  const orderOf = (part) => Number(part.dataset.at ?? Number(part.dataset.start) + 0.5);
  const partsOf = (group) => [...axis.querySelectorAll(GROUPS[group])].sort((one, other) => orderOf(one) - orderOf(other));

  function rove() {
    for (const group of Object.keys(GROUPS)) {
      for (const part of axis.querySelectorAll(GROUPS[group])) part.tabIndex = -1;
      const at = current(group);
      if (at) at.tabIndex = 0;
    }
  }

  function axisKey(event) {
    const group = groupOf(event.target);
    if (!group || event.ctrlKey || event.metaKey || event.altKey) return;
    const part = event.target.closest(GROUPS[group]);
    const { frame: whole, edge, byte, segment, cut, at } = part.dataset;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const key = event.key.toLowerCase();
    if (step && event.shiftKey && at) move(part, Number(at) + step + (edge ? over(Number(edge), step) : 0));
    else if (step || event.key === "Home" || event.key === "End") {
      const parts = partsOf(group);
      const next = step ? parts[parts.indexOf(part) + step] : parts[event.key === "Home" ? 0 : parts.length - 1];
      next?.focus();
    } else if ((event.key === "Enter" || event.key === " ") && !at) pin(rangeOf(part));
    else if (key === "p" && (whole || edge)) wish("ping", whole ? Number(whole) : Number(edge) + 1);
    else if (key === "s" && byte) wish("split", Number(byte));
    else if (key === "c" && (byte || cut)) wish("cut", Number(byte ?? at));
    else if ((key === "j" || key === "delete") && (edge || cut)) edge ? wish("join", Number(edge)) : wish("cut", Number(at));
    else if (key === "delete" && whole) wish("remove", Number(whole));
    else if (key === "j" && whole) wish("join", Number(whole));
    else if (!(key === "c" && segment)) return;
    done(event);
  }

  // To the right, the next fragment's bytes begin behind its header, and behind control frames between.
  function over(edge, step) {
    const now = picture();
    const next = now.frames.find((each) => each.index > edge && !each.control);
    return step > 0 && next ? next.payload - now.frames[edge].end : 0;
  }

  return frame.follow(draw, mark);
}

// Drags a handle: only a ghost moves, and what is meant is sent when it is let go.
function drag(axis, event, move, say) {
  const handle = event.target.closest("[data-edge], [data-cut]");
  if (!handle) return;
  let offset = Number(handle.dataset.at);
  event.preventDefault();
  handle.focus();
  handle.setPointerCapture(event.pointerId);
  const follow = ({ clientX, clientY }) => {
    const lines = [...axis.querySelectorAll(".line")];
    const near = (line) => Math.max(line.getBoundingClientRect().top - clientY, clientY - line.getBoundingClientRect().bottom, 0);
    const line = lines.reduce((best, each) => (near(each) < near(best) ? each : best));
    let place = Infinity;
    for (const cell of line.querySelectorAll(".byte")) {
      const box = cell.getBoundingClientRect();
      for (const [x, at] of [[box.left, cell.dataset.start], [box.right, cell.dataset.end]]) {
        if (Math.abs(x - clientX) < Math.abs(place - clientX)) [place, offset] = [x, Number(at)];
      }
    }
    for (const each of lines) {
      const ghost = each.querySelector(".ghost");
      ghost.hidden = each !== line;
      ghost.style.left = `${place - each.getBoundingClientRect().left - 1}px`;
    }
    say(`let go: before byte ${offset}`);
  };
  const finish = ({ type }) => {
    handle.removeEventListener("pointermove", follow);
    axis.querySelectorAll(".ghost").forEach((ghost) => (ghost.hidden = true));
    if (type === "pointerup") move(handle, offset);
  };
  handle.addEventListener("pointermove", follow);
  for (const type of ["pointerup", "pointercancel"]) handle.addEventListener(type, finish, { once: true });
}

// A ping, undo and reset; the rest behind "More".
function timelineBar(wish, help, pingPlace) {
  const undo = h("button", { type: "button", onclick: () => wish("undo") }, "Undo");
  const reset = h("button", { type: "button", onclick: () => wish("reset") }, "Reset");
  const text = h("input", { type: "text", spellcheck: "false", autocomplete: "off", oninput: later(200, () => wish("text", wellFormed(text.value))) });
  const ways = { "": "choose …", one: "all in one", frames: "one a frame", bytes: "one a byte" };
  const segments = h("select", { onchange: () => (wish("segments", segments.value), (segments.value = "")) }, Object.entries(ways).map(([value, words]) => h("option", { value }, words)));
  const panel = h("div", { class: "panel", hidden: true }, labelled("one message of this text", text, "wide"), labelled("segments", segments), h("button", { type: "button", onclick: help }, "Keys"));
  const open = h("button", { type: "button", "aria-expanded": "false", onclick: () => open.setAttribute("aria-expanded", String(!toggle(panel))) }, "More");
  const ping = h("button", { type: "button", onclick: () => wish("ping", pingPlace()) }, "Insert a ping");
  return {
    element: h("div", { class: "bar" }, ping, undo, reset, open, panel),
    show(now) {
      undo.disabled = !now.undo;
      reset.disabled = !now.changed;
      text.placeholder = now.text === null ? "not one text now; typing begins anew" : "type a text";
      put(text, now.text ?? "");
    },
  };
}

export default { render };
