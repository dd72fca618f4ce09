// A masking key at work, byte by byte. Python masks; this file shows one step after the other.

const KEYS = [
  ["← →", "byte by byte"],
  ["Enter", "stand at this byte"],
  ["N, B", "next byte, byte before"],
  ["T", "feed the result back in"],
  ["Esc", "leave the byte"],
  ["U", "undo"],
  ["R", "reset"],
  ["?", "these keys"],
];

function render({ model, el }) {
  if (!model.get("picture").steps) return;
  let hover = -1; // the byte that the pointer or the focus is on
  let hoverBit = -1;
  let focus = 0; // the byte, and the bit, that Tab comes to
  let focusBit = 0;
  let dragging = false;
  let drawn = null; // the byte that the bits show
  const { root, picture, wish, speak, ...frame } = stage(model, "mask", { keys: KEYS, onkey });

  const title = h("strong", { class: "title" });
  const about = h("span", { class: "about" });
  const bar = controls(wish, frame.toggleKeys);
  const grid = h("div", { class: "bytes", role: "grid", "aria-label": "bytes, each XORed with a byte of the key", onkeydown: gridKey });
  const more = h("p", { class: "more" });
  const back = h("button", { type: "button", onclick: () => go(at() - 1) }, "◀ Back");
  const place = h("span", { class: "place" });
  const next = h("button", { type: "button", onclick: () => go(standing() ? at() + 1 : 0) }, "Step ▶");
  const bitsHead = heading("");
  const bits = h("div", { class: "bits", role: "grid", "aria-label": "one byte in bits", onkeydown: bitKey });
  const words = h("ul", { class: "words" });
  const experiments = h("div", { class: "experiments" });
  const body = h(
    "div", { class: "body" },
    h("div", { class: "left" }, grid, more, h("div", { class: "bar steps" }, back, next, place)),
    h("div", { class: "right" }, bitsHead, bits, words),
  );
  frame.fill(h("div", { class: "top" }, title, about), bar.element, frame.list, frame.notice, body, experiments);
  el.append(root);

  for (const type of ["pointerover", "focusin"]) {
    grid.addEventListener(type, (event) => look(atOf(event.target)));
    bits.addEventListener(type, (event) => lookBit(bitOf(event.target)));
  }
  for (const type of ["pointerleave", "focusout"]) {
    grid.addEventListener(type, () => look(-1));
    bits.addEventListener(type, () => lookBit(-1));
  }
  grid.addEventListener("pointerdown", (event) => {
    const byte = atOf(event.target);
    if (byte < 0 || event.button) return;
    dragging = true;
    pin(byte);
  });
  grid.addEventListener("pointermove", (event) => {
    const byte = dragging ? atOf(event.target) : -1;
    if (byte >= 0 && byte !== at()) pin(byte);
  });
  const drop = () => (dragging = false);
  window.addEventListener("pointerup", drop);
  bits.addEventListener("click", (event) => bitOf(event.target) >= 0 && pin(shown(), bitOf(event.target)));

  const atOf = (target) => Number(target.closest("[data-at]")?.dataset.at ?? -1);
  const bitOf = (target) => Number(target.closest("[data-bit]")?.dataset.bit ?? -1);
  const last = () => picture().steps.length - 1;
  const standing = () => model.get("selection").length > 0;
  const at = () => Math.max(0, Math.min(model.get("selection")[0] ?? 0, last()));
  const shown = () => (hover >= 0 ? Math.min(hover, last()) : at());

  // Drawing

  function draw(now, before) {
    hover = hoverBit = -1;
    drawn = null;
    const had = grid.contains(root.getRootNode().activeElement);
    title.textContent = now.title;
    about.textContent = now.about;
    root.setAttribute("aria-label", now.title);
    grid.replaceChildren(...byteLines(now));
    more.textContent = now.steps.length ? now.more : "The payload is empty: the key is sent all the same, and masks nothing.";
    experiments.replaceChildren(...now.experiments.map(experiment));
    focus = Math.max(0, Math.min(focus, last()));
    bar.show(now);
    mark();
    if (had) grid.querySelector(`[data-at="${focus}"]`)?.focus({ preventScroll: true });
    if (before && (now.about !== before.about || now.title !== before.title)) speak(`${now.title}. ${now.about}`);
  }

  function mark() {
    const now = picture();
    const here = shown();
    for (const column of grid.querySelectorAll("[data-at]")) {
      const byte = Number(column.dataset.at);
      column.classList.toggle("at", byte === here);
      column.classList.toggle("later", standing() && byte > at());
      column.setAttribute("aria-selected", String(standing() && byte === at()));
      column.tabIndex = byte === focus ? 0 : -1;
    }
    for (const byte of experiments.querySelectorAll("[data-experiment='0'] [data-column]")) {
      byte.classList.toggle("on", now.steps.length > 0 && Number(byte.dataset.column) === here);
    }
    body.querySelector(".right").hidden = !now.steps.length;
    if (now.steps.length) showBits(now, here);
    place.textContent = now.steps.length ? (standing() ? `byte ${at()}, step ${at() + 1} of ${last() + 1}` : "click a byte, or drag over the bytes") : "";
    back.disabled = !standing() || at() === 0;
    next.disabled = !now.steps.length || (standing() && at() === last());
  }

  function showBits(now, here) {
    const step = now.steps[here];
    const had = drawn !== here && bits.contains(root.getRootNode().activeElement);
    if (drawn !== here) {
      bitsHead.textContent = `Byte ${here} in bits`;
      bits.replaceChildren(bitLine(now, step));
      words.replaceChildren(...step.words.map((each) => h("li", {}, each)));
    }
    drawn = here;
    const pinned = (model.get("selection")[2] ?? -1) - 8 * here;
    for (const column of bits.querySelectorAll("[data-bit]")) {
      const bit = Number(column.dataset.bit);
      column.classList.toggle("at", bit === (hoverBit >= 0 ? hoverBit : pinned));
      column.setAttribute("aria-selected", String(bit === pinned));
      column.tabIndex = bit === focusBit ? 0 : -1;
    }
    if (had) bits.querySelector(`[data-bit="${focusBit}"]`).focus({ preventScroll: true });
  }

  // Steps

  function look(byte) {
    hover = byte;
    mark();
  }

  function lookBit(bit) {
    hoverBit = bit;
    mark();
  }

  function pin(byte, bit = -1) {
    focus = byte;
    model.set("selection", [byte, byte + 1, bit < 0 ? -1 : 8 * byte + bit]);
    model.save_changes();
    speak(picture().steps[byte].label);
  }

  function go(byte) {
    if (byte < 0 || byte > last()) return;
    hover = -1;
    pin(byte);
  }

  // Keys

  function gridKey(event) {
    const column = event.target.closest("[data-at]");
    if (!column || event.ctrlKey || event.metaKey || event.altKey) return;
    const byte = Number(column.dataset.at);
    const target = { ArrowRight: byte + 1, ArrowLeft: byte - 1, ArrowDown: byte + 8, ArrowUp: byte - 8, Home: 0, End: last() }[event.key];
    if (target !== undefined) {
      if (target < 0 || target > last()) return done(event);
      focus = target;
      grid.querySelector(`[data-at="${target}"]`).focus();
    } else if (event.key === "Enter" || event.key === " ") pin(byte);
    else return;
    done(event);
  }

  function bitKey(event) {
    const column = event.target.closest("[data-bit]");
    if (!column) return;
    const bit = Number(column.dataset.bit);
    const target = { ArrowRight: bit + 1, ArrowLeft: bit - 1, Home: 0, End: 7 }[event.key];
    if (target >= 0 && target <= 7) {
      focusBit = target;
      bits.querySelector(`[data-bit="${target}"]`).focus();
    } else if (event.key === "Enter" || event.key === " ") pin(shown(), bit);
    else return;
    done(event);
  }

  function onkey(event) {
    const key = event.key.toLowerCase();
    if (key === "n") go(standing() ? at() + 1 : 0);
    else if (key === "b") go(at() - 1);
    else if (key === "t") wish("turn");
    else return false;
  }

  // Life

  const end = frame.follow(draw, mark);
  return () => {
    window.removeEventListener("pointerup", drop);
    end();
  };
}

export default { render };
