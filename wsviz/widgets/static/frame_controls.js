// The controls: three at first (payload, undo, reset), the rest behind "More".

function controls(wish, help) {
  const text = h("input", { type: "text", class: "text", spellcheck: "false", autocomplete: "off", oninput: later(150, () => wish("text", wellFormed(text.value))) });
  const label = h("span", {}, "payload");
  const undo = h("button", { type: "button", onclick: () => wish("undo") }, "Undo");
  const reset = h("button", { type: "button", onclick: () => wish("reset") }, "Reset");
  const flags = ["fin", "rsv1", "rsv2", "rsv3"].map((flag) => check(flag.toUpperCase(), (on) => wish(flag, on)));
  const opcode = h("select", { onchange: () => wish("opcode", opcode.selectedIndex) });
  const masked = check("masked", (on) => wish("mask", on));
  const key = h("input", { type: "text", class: "key", size: 11, spellcheck: "false", placeholder: "37 fa 21 3d", onchange: () => wish("key", key.value) });
  const sender = h(
    "select", { onchange: () => wish("sender", sender.value) },
    ["", "client", "server"].map((who) => h("option", { value: who }, who || "nobody yet")),
  );
  const wide = check("32 bits a row", (on) => wish("bits_per_row", on ? 32 : 16));
  const whole = h("input", { type: "text", class: "text mono", spellcheck: "false", autocomplete: "off", oninput: later(300, () => wish("hex", whole.value)) });
  const keys = h("button", { type: "button", onclick: help }, "Keys");
  const more = h(
    "div", { class: "panel", hidden: true },
    flags.map((flag) => flag.element),
    labelled("opcode", opcode), masked.element, labelled("key", key), labelled("sent by", sender), wide.element, keys,
    labelled("whole frame in hex", whole, "wide"),
  );
  const open = h("button", { type: "button", "aria-expanded": "false", onclick: () => open.setAttribute("aria-expanded", String(!toggle(more))) }, "More");
  const element = h(
    "div", { class: "bar" },
    h("label", { class: "wide" }, label, text), undo, reset, open, more,
  );

  function show(now) {
    const to = now.controls;
    label.textContent = to.what;
    text.disabled = to.text === null;
    text.placeholder = to.text === null ? to.no_text : "type a text";
    put(text, to.text ?? "");
    undo.disabled = !now.undo;
    reset.disabled = !now.changed;
    flags.forEach((flag) => flag.set(to[flag.name]));
    opcode.replaceChildren(...to.opcodes.map((words) => h("option", {}, words)));
    opcode.selectedIndex = to.opcode;
    masked.set(to.mask);
    key.disabled = !to.mask;
    put(key, to.key);
    whole.disabled = to.hex === null;
    whole.placeholder = to.hex === null ? "too long to edit here" : "81 05 48 65 6c 6c 6f";
    put(whole, to.hex ?? "");
    sender.value = now.sender;
    wide.set(now.per_row === 32);
  }

  return { element, show };
}
