// A capture to look through. Python holds it; this file puts the parts together and sends wishes.

const KEYS = [
  ["↑ ↓", "frame by frame"],
  ["Page ↑ ↓", "page by page"],
  ["Home, End", "first, last"],
  ["Enter", "look into the frame"],
  ["F", "follow its connection"],
  ["/", "text in payloads"],
  ["Esc", "clear the pin, close the frame"],
  ["?", "these keys"],
];
const SIGNS = { error: "✕", warning: "!", note: "i" };

function render({ model, el }) {
  if (!model.get("picture").title) return;
  const { root, picture, wish, speak, say, ...frame } = stage(model, "explorer", { keys: KEYS, undo: false, unpin, onkey });
  const send = (what, value, buffers = []) => model.send({ do: what, value, number: 0 }, undefined, buffers);
  const title = h("strong", { class: "title" });
  const about = h("span", { class: "about" });
  const summary = h("span", { class: "summary" });
  const list = frameList(send, (row) => wish("select", { row, packet: 0 }));
  const upload = uploads(send, (job) => bars.show([job]));
  const download = downloads(send);
  const file = opener(wish, (chosen) => {
    const wrong = upload.start(chosen, picture());
    if (wrong) say(wrong);
  });
  const filter = filters(wish);
  const bars = progressBars((name) => {
    upload.stop();
    bars.show([]);
    wish("stop", name);
  });
  const connections = connectionTable((index) => filter.change({ connection: filter.connected() === index ? -1 : index }));
  const overhead = overheadPanel();
  const detail = frameDetail(model, { speak, wish, follow, close: () => wish("select", null) });
  const bar = explorerBar({ wish, filter, file, help: frame.toggleKeys });
  const below = h("div", { class: "below" }, connections.element, h("p", { class: "line" }, summary, filter.chips), list.element, overhead.element, detail.element);
  frame.fill(h("div", { class: "top" }, title, about), bar.element, frame.list, frame.notice, bars.element, below);
  el.append(root);

  function draw(now, before) {
    title.textContent = now.title;
    about.textContent = now.about;
    root.setAttribute("aria-label", now.open ? `frames of ${now.title}` : "capture explorer");
    bar.show(now, before);
    below.hidden = !now.open;
    if (!now.open) return;
    filter.show(now);
    connections.show(now);
    if (!before?.open || before.title !== now.title) connections.element.open = now.number > 1 && now.number <= 12;
    const all = now.shown === now.total;
    summary.textContent = `${now.shown.toLocaleString("en")}${all ? "" : ` of ${now.total.toLocaleString("en")}`} ${now.total === 1 ? "frame" : "frames"}`;
    if (before?.open && before.shown !== now.shown) speak(summary.textContent);
    list.show(now);
    overhead.show(now);
    detail.show(now.detail);
    download.take(now.download, !!before);
  }

  function follow() {
    const { connection } = picture().detail;
    filter.change({ connection: filter.connected() === connection ? -1 : connection });
  }

  function unpin() {
    if (model.get("selection").length) {
      model.set("selection", []);
      model.save_changes();
    } else if (picture().detail) {
      wish("select", null);
      list.focus();
    }
  }

  function onkey(event) {
    if (event.key === "/") filter.text.focus();
    else if (event.key.toLowerCase() === "f" && picture().detail) follow();
    else return false;
  }

  function heard(content, buffers) {
    ({ rows: list.takeRows, words: list.takeWords, uploaded: upload.arrived, download: download.arrived })[content.kind]?.(content, buffers);
  }

  const working = () => bars.show(model.get("progress"));
  model.on("msg:custom", heard);
  model.on("change:progress", working);
  working();
  const end = frame.follow(draw, detail.mark);
  return () => {
    model.off("msg:custom", heard);
    model.off("change:progress", working);
    list.end();
    end();
  };
}

// Three controls, and the rest behind "More".
function explorerBar({ wish, filter, file, help }) {
  const reveal = check("show secrets", (on) => wish("reveal", on));
  const overhead = check("overhead", (on) => wish("overhead", on));
  const content = h("select", { "aria-label": "what to export" });
  const style = h("select", { "aria-label": "format" });
  const save = h("button", { type: "button", onclick: () => wish("export", { content: content.value, style: style.value }) }, "Download");
  const panel = h(
    "div", { class: "panel", hidden: true },
    filter.sender, filter.found, filter.connection, overhead.element, reveal.element,
    h("span", { class: "export" }, h("span", {}, "export"), content, style, save), h("button", { type: "button", onclick: help }, "Keys"),
  );
  const open = h("button", { type: "button", "aria-expanded": "false", onclick: () => unfold(open, file.element) }, "Open a file");
  const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => unfold(more, panel) }, "More");
  const unfold = (button, what) => button.setAttribute("aria-expanded", String(!toggle(what)));
  const only = [filter.text, filter.type, more];

  return {
    element: h("div", { class: "bar" }, open, filter.text, filter.type, more, file.element, panel),
    show(now, before) {
      for (const each of only) each.hidden = !now.open;
      if (!before || before.open !== now.open || before.title !== now.title) {
        file.element.hidden = now.open;
        open.setAttribute("aria-expanded", String(!now.open));
      }
      if (!content.children.length) {
        content.append(...now.contents.map((each) => option(each)));
        style.append(...now.styles.map((each) => option(each)));
      }
      if (!now.open) return;
      reveal.set(now.reveal);
      overhead.set(now.counting);
    },
  };
}

export default { render };
