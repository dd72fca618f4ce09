// The pieces of the mask stepper that need nothing but the picture.

const chip = (kind, words, note, more = "") =>
  h("span", { class: `byte ${kind} ${more}`.trim(), style: { "--stops": `var(--t-${kind}) 0 100%` } }, h("b", {}, words), note ? h("small", {}, note) : null);

// Lines of eight bytes: in each column what goes in, the key byte, what comes out.
function byteLines(now) {
  const lines = [];
  for (let first = 0; first < now.steps.length; first += 8) {
    const columns = now.steps.slice(first, first + 8).map((step, index) => byteColumn(step, first + index));
    lines.push(h("div", { class: "line", role: "row" }, legend(now, ["byte i", now.names[0], "key byte i mod 4", now.names[1]]), columns));
  }
  return lines;
}

const legend = (now, [top, entering, key, leaving]) =>
  h(
    "span", { class: "legend", "aria-hidden": "true" },
    h("small", {}, top), h("span", {}, entering), h("span", {}, h("i", {}, "⊕ "), key), h("span", {}, h("i", {}, "= "), leaving),
  );

const byteColumn = (step, at) =>
  h(
    "span", { class: "column", role: "gridcell", "data-at": at, "aria-label": step.label },
    h("small", {}, String(at)), chip("payload", step.in, step.before), chip("key", step.key, `[${step.key_index}]`), chip("payload", step.out, step.after, "result"),
  );

// One byte in bits: a key bit that is 1 flips the bit above it.
function bitLine(now, step) {
  const columns = [...step.bits[0]].map((entering, bit) => {
    const [key, leaving] = [step.bits[1][bit], step.bits[2][bit]];
    const flips = key === "1";
    const label = `bit ${bit}: ${entering} XOR ${key} is ${leaving}, ${flips ? "flipped" : "as it was"}`;
    return h(
      "span", { class: `column${flips ? " flips" : ""}`, role: "gridcell", "data-bit": bit, "aria-label": label },
      h("small", {}, String(bit)), bitChip("payload", entering), bitChip("key", key), bitChip("payload", leaving, flips ? "result flipped" : "result"),
    );
  });
  return h("div", { class: "line", role: "row" }, legend(now, ["bit", `${now.names[0]} ${step.in}`, `key byte ${step.key_index}: ${step.key}`, `${now.names[1]} ${step.out}`]), columns);
}

const bitChip = (kind, value, more = "") => chip(kind, value, "", `${value === "1" ? "one" : "zero"} ${more}`.trim());

function experiment({ title, about, groups }, index) {
  return h("section", { "data-experiment": index }, heading(title), h("p", { class: "about" }, about), h("div", { class: "groups" }, groups.map(group)));
}

function group({ name, verdict, safe, rows }) {
  return h(
    "div", { class: `group ${safe ? "safe" : "unsafe"}` },
    h("p", { class: "head" }, h("b", {}, name), h("span", { class: "sign", "aria-hidden": "true" }, safe ? "✓" : "✕"), h("span", {}, verdict)),
    h(
      "table", {},
      h("thead", {}, h("tr", {}, ["frame", "key", "on the wire", "reads"].map((words) => h("th", { scope: "col" }, words)))),
      h("tbody", {}, rows.map(frameRow)),
    ),
  );
}

function frameRow(row) {
  const bytes = row.wire.map((byte, at) => {
    const one = chip("payload", byte, "", row.same[at] ? "same" : "");
    one.dataset.column = at;
    return one;
  });
  return h(
    "tr", {},
    h("th", { scope: "row" }, row.name), h("td", {}, chip("key", row.key, "")), h("td", {}, h("span", { class: "wire" }, bytes)),
    h("td", { class: row.mark ? "repeated" : "reads" }, row.mark || row.text),
  );
}

// The controls: payload, key, the other way; the rest behind "More".
function controls(wish, help) {
  const field = (kind, what, wait) => {
    const input = h("input", { type: "text", class: kind, spellcheck: "false", autocomplete: "off" });
    input.addEventListener("input", later(wait, () => wish(what, wellFormed(input.value))));
    return input;
  };
  const text = field("text", "text", 150);
  const name = h("span", {}, "payload");
  // A key that is half typed is none: it is sent when the field is left, or with Enter.
  const sendKey = () => wish("key", key.value);
  const enter = (event) => event.key === "Enter" && sendKey();
  const key = h("input", { type: "text", class: "key", size: 11, spellcheck: "false", onchange: sendKey, onkeydown: enter });
  const turn = h("button", { type: "button", onclick: () => wish("turn") });
  const undo = h("button", { type: "button", onclick: () => wish("undo") }, "Undo");
  const reset = h("button", { type: "button", onclick: () => wish("reset") }, "Reset");
  const hex = field("mono", "hex", 300);
  const wanted = field("mono", "wanted", 150);
  const frame = h("select", { onchange: () => wish("frame", frame.selectedIndex) });
  const frames = labelled("client frame", frame);
  const keys = h("button", { type: "button", onclick: help }, "Keys");
  const more = h("div", { class: "panel", hidden: true }, undo, reset, keys, frames, labelled("in hex", hex, "wide"), labelled("a script wants", wanted, "wide"));
  const open = h("button", { type: "button", "aria-expanded": "false", onclick: () => open.setAttribute("aria-expanded", String(!toggle(more))) }, "More");
  const element = h("div", { class: "bar" }, h("label", { class: "wide" }, name, text), labelled("key", key), turn, open, more);

  function show(now) {
    const to = now.controls;
    name.textContent = now.names[0];
    text.disabled = to.text === null;
    text.placeholder = to.text === null ? to.no_text : "type a text";
    put(text, to.text ?? "");
    put(key, to.key);
    turn.textContent = now.unmask ? "⇄ Mask it again" : "⇄ Unmask it again";
    undo.disabled = !now.undo;
    reset.disabled = !now.changed;
    hex.disabled = to.hex === null;
    put(hex, to.hex ?? "");
    put(wanted, to.wanted);
    frames.hidden = !to.frames.length;
    frame.replaceChildren(...to.frames.map((words) => h("option", {}, words)));
    frame.selectedIndex = to.frame;
  }

  return { element, show };
}
