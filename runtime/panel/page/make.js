// Small helpers that make elements. Texts are set as text, never as HTML.

/** Make an element; attributes: by name, a function is a listener, false or null omits one; children: elements or texts. */
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

/** Make a button with a short text, and a longer label that is clear without its surroundings. */
export function button(text, label, click, attributes = {}) {
  return make("button", { type: "button", "aria-label": label, title: label, click, ...attributes }, text);
}

/** Return a function that calls `show`, but while a pointer is down on the element only after its release: a button that
 * is replaced while it is pressed gets no click. */
export function whenReleased(element, show) {
  let isPressed = false, isDue = false;
  const ask = () => {
    isDue = isPressed;
    if (!isPressed) show();
  };
  element.addEventListener("pointerdown", () => (isPressed = true));
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, () => setTimeout(() => {
      isPressed = false;
      if (isDue) ask();
    }));
  }
  return ask;
}

/** Return a function that calls `act` before the next repaint; several calls until then call it once. */
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
