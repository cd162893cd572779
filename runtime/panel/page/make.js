// Small helpers to make elements. Texts are always set as text, never as HTML.

/** Make an element: attributes by name (a function is a listener, false or null leaves out), then children or texts. */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Make an SVG element. */
export function draw(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A button with a short text, and a longer one for those who cannot see where it stands. */
export function button(text, label, click, attributes = {}) {
  return make("button", { type: "button", "aria-label": label, title: label, click, ...attributes }, text);
}

/** Call a function at the next picture, once, however often it is asked for. */
export function atNextPicture(act) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      act();
    });
  };
}
