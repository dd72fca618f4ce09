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
