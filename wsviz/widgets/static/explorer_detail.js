// One frame and what carried it: a tree of layers and fields, all bytes in hex, one layer bit by bit; one selection for all.

function frameDetail(model, { speak, wish, follow, close }) {
  let detail = null;
  let whole = { parts: [], captions: [] }; // of all layers; their bits counted on
  let layer = 0; // the one that is drawn bit by bit
  let hover = null; // { start, end } in bits
  let focus = { byte: 0, bit: 0 };
  const unfolded = new Set(["WebSocket"]); // kinds of layers
  const top = h("div", { class: "dtop" });
  const facts = h("p", { class: "about facts" });
  const packets = h("select", { onchange: () => wish("select", { row: detail.row, packet: Number(packets.value) }) });
  const which = labelled("headers of packet", packets);
  const found = h("div", { class: "findings", role: "group", "aria-label": "findings" });
  const tree = h("div", { class: "tree", role: "tree", "aria-label": "layers and fields", onkeydown: treeKey });
  const hex = h("div", { class: "hex", role: "grid", "aria-label": "bytes", onkeydown: (event) => gridKey(event, "byte") });
  const caption = h("h4", {});
  const bits = h("div", { class: "bits", role: "grid", onkeydown: (event) => gridKey(event, "bit") });
  const readout = h("p", { class: "readout", "aria-hidden": "true" });
  const message = h("div", { class: "message" });
  const element = h(
    "section", { class: "detail", "aria-label": "the selected frame", hidden: true },
    top, facts, found,
    h("div", { class: "views" },
      h("div", { class: "left" }, heading("Layers and fields"), tree, message),
      h("div", { class: "right" }, heading("Bytes"), hex, caption, h("div", { class: "wsviz-frame" }, h("div", { class: "scroll" }, bits)), readout)),
  );

  for (const place of [tree, hex, bits, found]) {
    place.addEventListener("pointerover", (event) => look(rangeOf(event.target)));
    place.addEventListener("pointerleave", () => look(null));
    place.addEventListener("focusin", (event) => look(rangeOf(event.target)));
    place.addEventListener("focusout", () => look(null));
  }
  for (const place of [hex, bits]) place.addEventListener("click", (event) => pin(rangeOf(event.target)));
  tree.addEventListener("click", (event) => {
    const item = event.target.closest("[role=treeitem]");
    if (!item) return;
    stop(item);
    if (item.dataset.layer) {
      fold(item, event.target.closest(".fold") ? null : true);
      pick(Number(item.dataset.layer));
    } else pin(rangeOf(item));
  });

  // Drawing

  function show(now) {
    const before = detail;
    detail = now;
    element.hidden = !now;
    if (!now || now === before) return;
    const inTree = tree.contains(element.getRootNode().activeElement);
    whole = { parts: [], captions: [] };
    for (const each of now.layers) {
      whole.parts.push(...each.parts.filter((part) => part.size).map((part) => ({ ...part, start: part.start + 8 * each.start })));
      each.captions.forEach((words, at) => (whole.captions[each.start + at] = words));
    }
    top.replaceChildren(...header(now));
    facts.textContent = now.facts.join(" · ");
    const frame = now.layers.at(-1);
    found.replaceChildren(...frame.findings.map((each, index) => finding(shifted(frame), each, index)));
    tree.replaceChildren(...now.layers.map(branch));
    hex.replaceChildren(...now.layers.map(hexLine));
    showMessage(now.message);
    focus.byte = frame.start;
    stop(tree.querySelector(`[data-layer="${now.layers.length - 1}"]`), inTree);
    pick(now.layers.length - 1);
    speak(`${now.title} from the ${now.sender}: ${frame.parts.filter((part) => part.size).length} fields, ${now.layers.length} layers`);
  }

  const shifted = (each) => ({ ...each, parts: each.parts.map((part) => ({ ...part, start: part.start + 8 * each.start })) });

  function header(now) {
    packets.replaceChildren(...now.packets.map((number) => h("option", { value: number }, number)));
    packets.value = now.packet;
    return [
      h("b", { class: `chip ${now.kind}` }, now.chip),
      h("strong", {}, now.title),
      h("span", { class: "way" }, arrow(now.sender, now.receiver)),
      h("span", { class: "about" }, "Wireshark: ", h("code", {}, now.filter)),
      h("span", { class: "acts bar" }, now.packets.length > 1 && which, h("button", { type: "button", onclick: follow }, `Follow connection ${now.connection}`), h("button", { type: "button", "aria-label": "close the details", onclick: close }, "✕")),
    ];
  }

  function showMessage(said) {
    message.hidden = !said;
    if (!said) return;
    message.replaceChildren(heading("Message"), h("p", { class: "about" }, said.words), h("pre", { tabindex: "0", "aria-label": "the message" }, said.text), said.more && h("p", { class: "about" }, said.more));
  }

  function branch(each, at) {
    const open = unfolded.has(each.title.split(" ")[0]);
    const item = h(
      "div", { class: `layer ${each.kind}`, role: "treeitem", tabindex: "-1", "aria-expanded": String(open), "aria-level": "1", "data-layer": at, "data-start": 8 * each.start, "data-end": 8 * (each.start + each.size), "aria-label": `${each.title}, ${each.place}` },
      h("i", { class: "fold", "aria-hidden": "true" }), h("i", { class: "swatch" }), h("b", {}, each.title), h("span", { class: "about" }, each.place),
    );
    const group = h("div", { role: "group", hidden: !open }, each.parts.map((part) => leaf(each, part)));
    return h("div", { role: "presentation" }, item, group);
  }

  function leaf(each, part) {
    const start = part.start + 8 * each.start;
    return h(
      "div", { class: `field ${part.size ? "" : "ghost"} ${part.value.length > 20 ? "long" : ""}`, role: "treeitem", tabindex: "-1", "aria-level": "2", "data-start": start, "data-end": start + part.size, "aria-label": part.label, "aria-selected": "false" },
      h("i", { class: `swatch ${part.size ? part.kind : "ghost"}` }), h("span", { class: "fname" }, part.name), h("span", { class: "value" }, part.value),
      h("span", { class: "meaning" }, part.meaning === part.value ? "" : part.meaning),
    );
  }

  function hexLine(each) {
    const [row] = hexRow({ ...each, rest: "", rest_bytes: [], rest_more: 0 });
    for (const cell of row.querySelectorAll("[data-byte]")) cell.dataset.byte = Number(cell.dataset.byte) + each.start;
    row.classList.toggle("bare", each.kind !== "frame");
    row.prepend(h("span", { class: "of", "aria-hidden": "true" }, each.title.replace("WebSocket ", "")));
    return row;
  }

  // Draws one layer bit by bit.
  function pick(at) {
    layer = at;
    const each = detail.layers[at];
    caption.textContent = `${each.title}, bit by bit`;
    bits.setAttribute("aria-label", `bits of ${each.title}`);
    bits.style.setProperty("--per-row", each.per_row);
    bits.classList.toggle("control", each.control);
    bits.replaceChildren(...bitRows(each));
    for (const cell of bits.querySelectorAll("[data-bit]")) cell.dataset.bit = Number(cell.dataset.bit) + 8 * each.start;
    focus.bit = 8 * each.start;
    rove();
    mark();
  }

  // The selection

  const partAt = (bit) => whole.parts.find((part) => part.start <= bit && bit < part.start + part.size);

  function rangeOfBit(bit) {
    const part = partAt(bit);
    if (!part) return null;
    const byte = bit - (bit % 8); // of a long field, the byte is what belongs together
    return part.kind === "payload" || part.kind === "key" ? { start: byte, end: byte + 8 } : { start: part.start, end: part.start + part.size };
  }

  function rangeOf(target) {
    const cell = target.closest("[data-bit], [data-byte], [data-start]");
    if (!cell) return null;
    if (cell.dataset.bit) return rangeOfBit(Number(cell.dataset.bit));
    if (cell.dataset.byte) return { start: 8 * Number(cell.dataset.byte), end: 8 * Number(cell.dataset.byte) + 8 };
    return { start: Number(cell.dataset.start), end: Number(cell.dataset.end) };
  }

  function held() {
    const pinned = model.get("selection");
    if (!pinned.length) return null;
    return (pinned[2] >= 0 && rangeOfBit(pinned[2])) || { start: 8 * pinned[0], end: 8 * pinned[1] };
  }

  const over = (start, end, range) => !!range && start < range.end && end > range.start;

  function mark() {
    if (!detail) return;
    const kept = held();
    const shown = hover ?? kept;
    for (const [place, name, size] of [[bits, "bit", 1], [hex, "byte", 8]]) {
      for (const cell of place.querySelectorAll(`[data-${name}]`)) {
        const bit = size * Number(cell.dataset[name]);
        cell.classList.toggle("on", over(bit, bit + size, shown));
        cell.setAttribute("aria-selected", String(over(bit, bit + size, kept)));
      }
    }
    for (const item of tree.querySelectorAll(".field")) {
      const [start, end] = [Number(item.dataset.start), Number(item.dataset.end)];
      item.classList.toggle("on", over(start, end, shown));
      item.setAttribute("aria-selected", String(over(start, end, kept)));
    }
    tree.querySelectorAll(".layer").forEach((item, at) => item.classList.toggle("drawn", at === layer));
    readout.textContent = shown ? describe(whole, { ...shown, bit: -1 }) : "Point at a byte, a bit or a field; click pins it.";
  }

  function look(range) {
    hover = range && range.end > range.start ? range : null;
    mark();
  }

  function pin(range) {
    if (!range || range.start === range.end) return;
    const next = [Math.floor(range.start / 8), Math.ceil(range.end / 8), range.end - range.start < 8 ? range.start : -1];
    const same = JSON.stringify(next) === JSON.stringify(model.get("selection"));
    model.set("selection", same ? [] : next);
    model.save_changes();
    const at = detail.layers.findIndex((each) => 8 * each.start <= range.start && range.start < 8 * (each.start + each.size));
    if (at >= 0 && at !== layer) pick(at);
    mark();
    const part = partAt(range.start);
    speak(same ? "pin cleared" : `pinned: ${part ? part.label : "byte"}`);
  }

  // Keys

  function fold(item, open) {
    const next = open ?? item.getAttribute("aria-expanded") !== "true";
    item.setAttribute("aria-expanded", String(next));
    item.nextElementSibling.hidden = !next;
    unfolded[next ? "add" : "delete"](detail.layers[Number(item.dataset.layer)].title.split(" ")[0]);
  }

  const items = () => [...tree.querySelectorAll("[role=treeitem]")].filter((item) => !item.closest("[hidden]"));

  function stop(item, take = false) {
    for (const each of tree.querySelectorAll("[role=treeitem]")) each.tabIndex = each === item ? 0 : -1;
    if (take) item.focus();
  }

  function treeKey(event) {
    const all = items();
    const at = all.indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const item = all[at];
    const folds = item.dataset.layer;
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
    if (event.key in moves) stop(all[Math.max(0, Math.min(all.length - 1, moves[event.key]))], true);
    else if (event.key === "ArrowRight" && folds) fold(item, true);
    else if (event.key === "ArrowLeft" && folds) fold(item, false);
    else if (event.key === "ArrowLeft") stop(item.parentElement.previousElementSibling, true);
    else if (event.key === "Enter" || event.key === " ") {
      if (folds) pick(Number(folds));
      else pin(rangeOf(item));
    } else return;
    done(event);
  }

  function gridKey(event, name) {
    const place = name === "bit" ? bits : hex;
    const row = name === "bit" ? detail.layers[layer].per_row : 8;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") pin(rangeOf(event.target));
    else if (step) {
      const next = place.querySelector(`[data-${name}="${focus[name] + step}"]`);
      if (next) {
        focus[name] += step;
        rove();
        next.focus();
      }
    } else return;
    done(event);
  }

  function rove() {
    for (const [place, name] of [[bits, "bit"], [hex, "byte"]]) {
      for (const cell of place.querySelectorAll(`[data-${name}]`)) cell.tabIndex = Number(cell.dataset[name]) === focus[name] ? 0 : -1;
    }
  }

  return { element, show, mark };
}
