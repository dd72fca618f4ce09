// What stands around the list: opening, filters, connections, progress, overhead.

const option = (value, words = value) => h("option", { value }, words || "any");

function opener(wish, upload) {
  const file = h("input", { type: "file", onchange: () => file.files.length && upload(file.files[0]) });
  const path = h("input", { type: "text", spellcheck: "false", placeholder: "captures/echo.pcapng", onkeydown: enter });
  const keys = h("input", { type: "text", spellcheck: "false", placeholder: "none", onkeydown: enter });
  const read = () => wish("open", { path: path.value.trim(), keylog: keys.value.trim() });

  function enter(event) {
    if (event.key === "Enter") read();
  }

  const element = h(
    "div", { class: "panel open" },
    labelled("from this computer", file), h("span", { class: "or" }, "or where Python runs:"),
    labelled("path", path, "wide"), labelled("TLS key log", keys), h("button", { type: "button", onclick: read }, "Read"),
  );
  return { element, path };
}

// The filter: its wish holds all of it, so that Python never has to guess.
function filters(wish) {
  let now = { connection: -1, sender: "", type: "", finding: "", text: "" };
  // What was asked for counts at once, so that a second change in a row does not take back the first.
  const change = (part) => {
    now = { ...now, ...part };
    wish("filter", now);
  };
  const typed = later(350, () => text.value !== now.text && change({ text: text.value }));
  const text = h("input", { type: "text", spellcheck: "false", maxlength: "200", oninput: typed, "aria-label": "text in payloads", placeholder: "text in payloads" });
  const type = h("select", { "aria-label": "type of frame", onchange: () => change({ type: type.value }) });
  const sender = h("select", { onchange: () => change({ sender: sender.value }) }, ["", "client", "server"].map((who) => option(who)));
  const found = h("select", { onchange: () => change({ finding: found.value }) });
  const connection = h("input", { type: "text", class: "short", inputmode: "numeric", placeholder: "any", onchange: () => change({ connection: /^\d+$/.test(connection.value) ? Number(connection.value) : -1 }) });
  const chips = h("span", { class: "chips" });

  const chip = (words, part) => h("button", { type: "button", class: "filter", "aria-label": `take away the filter: ${words}`, onclick: () => change(part) }, words, h("i", { "aria-hidden": "true" }, "✕"));

  function choices(select, values, chosen) {
    if (select.children.length !== values.length + 1 || select.lastChild.value !== values.at(-1)) select.replaceChildren(option(""), ...values.map((each) => option(each)));
    select.value = chosen;
  }

  return {
    text, type, chips, sender: labelled("sent by", sender), found: labelled("finding", found), connection: labelled("connection", connection),
    change,
    connected: () => now.connection,
    show(picture) {
      now = picture.filter;
      put(text, wellFormed(now.text));
      choices(type, picture.types, now.type);
      type.firstChild.textContent = "all types";
      choices(found, picture.findings, now.finding);
      found.firstChild.textContent = "with or without";
      sender.value = now.sender;
      put(connection, now.connection < 0 ? "" : String(now.connection));
      chips.replaceChildren(
        ...[
          now.connection >= 0 && chip(`connection ${now.connection}`, { connection: -1 }),
          now.sender && chip(`from the ${now.sender}`, { sender: "" }),
          now.type && chip(now.type, { type: "" }),
          now.finding && chip(`finding: ${now.finding}`, { finding: "" }),
          now.text && chip(`“${now.text}”`, { text: "" }),
        ].filter(Boolean),
      );
    },
  };
}

// How far work is; it can be stopped.
function progressBars(stop) {
  const element = h("div", { class: "progress", role: "status" });
  return {
    element,
    show(jobs) {
      element.replaceChildren(
        ...jobs.map(({ name, words, done: at, total }) =>
          h(
            "div", { class: "job" }, h("span", {}, words), h("progress", total ? { value: at, max: total, "aria-label": words } : { "aria-label": words }),
            h("span", { class: "about" }, total ? `${Math.floor((100 * at) / total)} %` : ""),
            h("button", { type: "button", "aria-label": `stop ${words}`, onclick: () => stop(name) }, "Stop"),
          ),
        ),
      );
    },
  };
}

// The connections, a row each; a click follows one.
function connectionTable(follow) {
  const rows = h("tbody", {});
  const more = h("p", { class: "about" });
  const names = ["no.", "client → server", "protocol", "asks for", "frames", "findings", "how it ended"];
  const table = h("table", {}, h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)))), rows);
  const box = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "connections" }, table);
  const words = h("span", {});
  const element = h("details", { class: "connections" }, h("summary", {}, words), box, more);
  let drawn = "";

  const row = (each, chosen) =>
    h(
      "tr", { class: each.index === chosen ? "chosen" : "" },
      h("td", {}, h("button", { type: "button", class: "follow", "aria-pressed": String(each.index === chosen), "aria-label": `follow connection ${each.index}`, onclick: () => follow(each.index) }, each.index)),
      [each.ends, each.protocol, each.target, each.frames.toLocaleString("en"), each.findings, each.ending].map((value, at) => h("td", { class: names[at + 1].split(" ")[0] }, value)),
    );

  return {
    element,
    show(now) {
      const state = JSON.stringify([now.connections, now.filter.connection]);
      words.textContent = `Connections (${now.number.toLocaleString("en")})`;
      more.textContent = now.more;
      if (state === drawn) return;
      drawn = state;
      const at = [...rows.querySelectorAll("button")].indexOf(rows.getRootNode().activeElement);
      rows.replaceChildren(...now.connections.map((each) => row(each, now.filter.connection)));
      if (at >= 0) rows.querySelectorAll("button")[at]?.focus();
    },
  };
}

// What the frames that are shown cost, by category of bytes.
function overheadPanel() {
  const words = h("p", {});
  const bar = h("div", { class: "stack", "aria-hidden": "true" });
  const table = h("table", {});
  const element = h("section", { class: "overhead", "aria-label": "overhead", hidden: true }, heading("What these frames cost on the wire"), words, bar, table);
  const look = (colour, at) => ({ "--c": colour, "--turn": `${(at * 37) % 180}deg` });

  return {
    element,
    show(now) {
      element.hidden = !now.counting;
      words.textContent = now.overhead ? now.overhead.words : "counting …";
      const parts = now.overhead?.parts ?? [];
      const all = parts.reduce((sum, part) => sum + part[2], 0);
      bar.replaceChildren(...parts.map(([name, colour, bytes, share], at) => bytes && h("span", { class: `part${at ? " striped" : ""}`, title: `${name}: ${share}`, style: { ...look(colour, at), width: `${(100 * bytes) / all}%` } })).filter(Boolean));
      const head = ["category", "bytes", "share", "a frame", "else in these connections"];
      const cells = (values) => values.map((value) => h("td", {}, value));
      table.replaceChildren(
        ...(now.overhead
          ? [
              h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
              h("tbody", {},
                parts.map(([name, colour, , share, each, own, rest], at) => h("tr", {}, h("th", { scope: "row" }, h("i", { class: `key${at ? " striped" : ""}`, style: look(colour, at) }), name), cells([own, share, each, rest]))),
                h("tr", { class: "sum" }, h("th", { scope: "row" }, "total"), cells([now.overhead.total, "", "", now.overhead.others]))),
            ]
          : []),
      );
    },
  };
}
