// What every widget of wsviz needs of the page. Text only ever enters through textContent.

function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") Object.entries(value).forEach(([what, how]) => element.style.setProperty(what, how));
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== false && child !== ""));
  return element;
}

// JupyterLab takes keys for its own unless the element that has them says otherwise: "d d" would delete the cell.
function keepShortcutsAway(event) {
  event.target.setAttribute("data-lm-suppress-shortcuts", "true");
}

// Sends wishes to Python and notices when nobody answers: `answered()` is the number of the last answer.
function postbox(model, answered, silence) {
  let number = answered();
  let timer = 0;
  return {
    send(what, value = null) {
      number = Math.max(number, answered()) + 1;
      clearTimeout(timer);
      timer = setTimeout(() => answered() < number && silence(true), 2000);
      try {
        model.send({ do: what, value, number });
      } catch {
        silence(true); // the connection to the kernel is closed for good
      }
    },
    heard() {
      if (answered() >= number) {
        clearTimeout(timer);
        silence(false);
      }
    },
    close: () => clearTimeout(timer),
  };
}

function later(wait, work) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), wait);
  };
}

const heading = (words) => h("h4", {}, words);
const toggle = (element) => (element.hidden = !element.hidden);

function done(event) {
  event.preventDefault();
  event.stopPropagation();
}

// Who sends to whom; the server's arrow is dashed.
const arrow = (sender, receiver) => [
  h("strong", {}, sender),
  h("span", { class: `arrow ${sender}`, "aria-label": "to", role: "img" }),
  h("span", {}, receiver),
];

const hex2 = (byte) => byte.toString(16).padStart(2, "0");

const labelled = (words, field, kind = "") => h("label", { class: kind }, h("span", {}, words), field);

function check(words, change) {
  const box = h("input", { type: "checkbox", onchange: () => change(box.checked) });
  return { name: words.toLowerCase(), element: h("label", { class: "check" }, box, h("span", {}, words)), set: (on) => (box.checked = on) };
}

// A lone half of a surrogate pair is no text, and no UTF-8 can carry it.
const wellFormed = (text) => (text.toWellFormed ? text.toWellFormed() : text);

// A field that somebody is typing in keeps what is typed.
const put = (field, value) => field.getRootNode().activeElement === field || field.value === value || (field.value = value);
