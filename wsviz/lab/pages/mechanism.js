// What the pages of the mechanisms share: a button, a line of counts, and the log of what arrived when.
// A page defines `deliver(client, log)`, which calls `log.request()` for each request and `log.update(text)` for each
// update, and returns after the last.
"use strict";

const COUNT = 30; // wsviz/lab/updates.py

const make = (name, text = "", properties = {}) => Object.assign(document.createElement(name), { textContent: text, ...properties });

class Log {
  constructor() {
    this.start = performance.now();
    this.deliveries = [];
    this.requests = 0;
    rows.replaceChildren();
  }

  get full() {
    return this.deliveries.length >= COUNT;
  }

  request() {
    this.requests++;
    this.count();
  }

  // An update has arrived: its text, and milliseconds since the start. Returns its id.
  update(text) {
    const at = performance.now() - this.start;
    this.deliveries.push({ text, at });
    this.add(at, text, "update");
    return JSON.parse(text).id;
  }

  // Something else has happened.
  note(text) {
    this.add(performance.now() - this.start, text, "note");
  }

  add(at, text, kind) {
    const row = make("tr", "", { className: kind });
    row.append(make("td", `${at.toFixed(0)} ms`), make("td", text));
    rows.append(row);
    if (rows.children.length > 300) rows.firstChild.remove();
    scroll.scrollTop = scroll.scrollHeight;
    this.count();
  }

  count() {
    const requests = this.requests === 1 ? "1 request" : `${this.requests} requests`;
    state.textContent = `${this.deliveries.length} of ${COUNT} updates, ${requests}`;
  }
}

const button = make("button", "Start", { type: "button" });
const state = make("output", "not started");
const rows = make("tbody");
const scroll = make("div", "", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "What arrived" });

{
  const head = make("tr");
  head.append(make("th", "after", { scope: "col" }), make("th", "what arrived", { scope: "col" }));
  const top = make("thead");
  top.append(head);
  const table = make("table");
  table.append(top, rows);
  scroll.append(table);
  const controls = make("div", "", { className: "controls" });
  controls.append(button, state);
  document.currentScript.before(controls, scroll);
}

// Fetch all updates anew. The name tells the server's clients apart: each has a time of its own.
async function run() {
  button.disabled = true;
  const log = new Log();
  try {
    await deliver(Math.random().toString(36).slice(2, 6), log);
    state.textContent += ": done";
  } catch (error) {
    state.textContent += `: ${error.message}`;
    throw error;
  } finally {
    button.disabled = false;
    button.textContent = "Start again";
  }
  return log.deliveries;
}

button.onclick = () => run().catch(() => {}); // the line of counts has said it
