// The pieces of the handshake negotiator that need nothing but the picture.

const SIGNS = { error: "✕", warning: "!", note: "i" };
const COLUMNS = ["client offers", "server would take", "server answers", "what comes of it"];
const number = (now, lane) => h("span", { class: `term number ${now.lanes[lane].kind}`, "aria-hidden": "true" }, String(lane + 1));

function outcome({ who, what, good }) {
  return h(
    "div", { class: `outcome ${good ? "good" : "bad"}` },
    h("p", { class: "who" }, h("span", { class: "sign", "aria-hidden": "true" }, good ? "✓" : "✕"), who), h("b", {}, what),
  );
}

function laneRows(now) {
  const head = h(
    "div", { class: "lane head", role: "row" },
    h("span", { role: "columnheader" }, "negotiation"), COLUMNS.map((words) => h("span", { role: "columnheader" }, words)),
  );
  return [head, ...now.lanes.map((lane, at) => laneRow(now, lane, at))];
}

function laneRow(now, lane, at) {
  return h(
    "div", { class: `lane ${lane.state}`, role: "row", "data-lane": at, "aria-label": lane.label },
    h("span", { class: "name", role: "gridcell" }, number(now, at), h("span", {}, h("b", {}, lane.name), h("small", {}, lane.about))),
    lane.cells.map((words, index) => h("span", { class: words === "nothing" ? "cell nothing" : "cell", role: "gridcell", "data-column": COLUMNS[index] }, words)),
    h("span", { class: "cell verdict", role: "gridcell", "data-column": COLUMNS[3] }, h("b", {}, `${lane.sign} ${lane.state}`), h("span", {}, lane.verdict)),
  );
}

function acceptSteps(now) {
  if (!now.accept.length) return [h("p", { class: "about" }, "There is no single key to answer.")];
  const steps = now.accept.map(({ what, value }, at) => [h("dt", {}, h("span", { "aria-hidden": "true" }, at ? "↓ " : ""), what), h("dd", {}, value)]);
  const sign = h("span", { class: "sign", "aria-hidden": "true" }, now.accept_right ? "✓" : "✕");
  return [h("dl", { class: "accept" }, steps.flat(), h("dt", {}), h("dd", { class: now.accept_right ? "good" : "bad" }, sign, now.accept_words))];
}

// One half of the conversation, line by line, each with the number of its lane.
function message(now, words, from, lines) {
  const rows = lines.map((line) => {
    const lane = line.lane >= 0 ? now.lanes[line.lane] : null;
    const label = `${line.text}${lane ? `, of the ${lane.name}` : ""}`;
    return h(
      "div", { class: "text", role: "row", "data-start": line.start, "data-end": line.end, "data-of": line.lane, "aria-label": label },
      h("span", { role: "gridcell" }, lane ? number(now, line.lane) : h("span", { class: "number" })), h("span", { role: "gridcell", class: line.header || lane ? "words" : "words soft" }, line.text),
    );
  });
  const way = h("p", { class: "way" }, arrow(from, from === "client" ? "server" : "client"), h("small", {}, words));
  return h("div", { class: "half" }, way, h("div", { role: "grid", "aria-label": `${words}, line by line` }, rows));
}

function finding(now, { severity, rule, where, text, lane }, index) {
  return h(
    "div", { class: `finding ${severity}`, "data-finding": lane },
    h("b", { class: `mark ${severity}` }, String(index + 1)),
    h("div", {}, h("div", { class: "rule" }, h("b", {}, `${SIGNS[severity]} ${severity}`), h("span", {}, rule)), h("div", {}, text), h("small", {}, where)),
  );
}

// The controls: what to try, undo, reset; both sides as forms behind "Edit both sides".
function controls(wish, help) {
  const scene = h("select", { onchange: () => wish("scene", scene.selectedIndex) });
  const undo = h("button", { type: "button", onclick: () => wish("undo") }, "Undo");
  const reset = h("button", { type: "button", onclick: () => wish("reset") }, "Reset");
  const fields = new Map(); // by "offer Host", "policy origins" ...
  const field = (kind, name, words, hint) => {
    const input = h("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: hint });
    input.addEventListener("input", later(300, () => wish(kind, [name, wellFormed(input.value)])));
    fields.set(`${kind} ${name}`, input);
    return labelled(words, input);
  };
  const client = h("fieldset", {}, h("legend", {}, "The client offers"));
  const server = h(
    "fieldset", {}, h("legend", {}, "The server would take"),
    field("policy", "origins", "origins", "any; or a list, with none for programs"),
    field("policy", "subprotocols", "subprotocols", "none"), field("policy", "extensions", "extensions", "none"),
  );
  const fault = h("select", { onchange: () => wish("fault", fault.value) });
  const response = h("textarea", { rows: 6, spellcheck: "false", "aria-label": "response as text" });
  response.addEventListener("input", later(400, () => wish("response", wellFormed(response.value))));
  const keys = h("button", { type: "button", onclick: help }, "Keys");
  server.append(labelled("the server", fault), h("label", { class: "tall" }, h("span", {}, "response"), response), keys);
  const panel = h("div", { class: "panel", hidden: true }, client, server);
  const open = h("button", { type: "button", "aria-expanded": "false", onclick: () => open.setAttribute("aria-expanded", String(!toggle(panel))) }, "Edit both sides");
  const element = h("div", { class: "bar" }, h("label", { class: "try" }, h("span", {}, "Try"), scene), undo, reset, open, panel);

  function show(now) {
    const to = now.controls;
    scene.replaceChildren(...to.scenes.map((words) => h("option", {}, words)), ...(to.scene < 0 ? [h("option", { disabled: true }, "changed here")] : []));
    scene.selectedIndex = to.scene < 0 ? to.scenes.length : to.scene;
    undo.disabled = !now.undo;
    reset.disabled = !now.changed;
    if (client.children.length === 1) {
      client.append(...to.offer.map(({ name }) => field("offer", name, name, "left out")));
    }
    for (const [kind, list] of [["offer", to.offer], ["policy", to.policy]]) {
      for (const { name, value } of list) {
        const input = fields.get(`${kind} ${name}`);
        input.disabled = value === null;
        put(input, value ?? "too long to edit here");
      }
    }
    fault.replaceChildren(...to.faults.map((words) => h("option", {}, words)), ...(to.fault < 0 ? [h("option", { disabled: true }, "answers as below")] : []));
    fault.selectedIndex = to.fault < 0 ? to.faults.length : to.fault;
    response.disabled = to.response === null;
    put(response, to.response ?? "too long to edit here");
  }

  return { element, show };
}
