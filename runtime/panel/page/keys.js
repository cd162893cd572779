// The keyboard, for touch, mouse, pen, computer keys and screen readers; with glissando and hold.
import { button, make } from "/make.js";
import { notes } from "/notes.js";
import { play } from "/play.js";
import "/sounding.js";
import { handOver, noteName, t } from "/words.js";

const WHITE = [0, 2, 4, 5, 7, 9, 11];
const WHITE_WIDTH_PX = 40, FEWEST = 10, MOST = 29;
const LOWEST = 12, HIGHEST = 120;
const CODES = [
  "KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL",
  "KeyP", "Semicolon", "Quote",
];

class Keys extends HTMLElement {
  connectedCallback() {
    this.octave = 4; // the computer keys play this octave, in the middle of the keyboard
    this.hold = false;
    this.pointers = new Map();
    this.pressed = new Map(); // computer key: note
    this.focusNote = 60;
    this.holdButton = button(t("keys.hold"), t("keys.hold.long"), () => this.setHold(!this.hold), { "aria-pressed": "false" });
    this.range = make("span", { class: "range", "aria-live": "polite" });
    this.zones = make("div", { class: "zones", hidden: true });
    this.keys = make("div", { class: "keys", role: "group", "aria-label": t("keys"), title: t("keys.computer") });
    this.append(
      make("div", { class: "bar" },
        button("−", t("keys.lower"), () => this.shift(-1), { class: "round" }), this.range,
        button("+", t("keys.higher"), () => this.shift(1), { class: "round" }), make("tb-sounding"), this.holdButton),
      this.zones, this.keys,
    );
    this.listen();
    new ResizeObserver(() => this.build()).observe(this.keys);
    notes.addEventListener("change", () => this.show());
    notes.addEventListener("panic", () => this.setHold(false));
    play.addEventListener("present", () => this.showZones());
    handOver("hold", () => this.hold, (isOn) => this.setHold(isOn));
  }

  listen() {
    const { keys } = this;
    keys.addEventListener("pointerdown", (event) => this.down(event));
    keys.addEventListener("pointermove", (event) => this.slide(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      keys.addEventListener(end, (event) => this.up(event));
    }
    keys.addEventListener("contextmenu", (event) => event.preventDefault());
    keys.addEventListener("keydown", (event) => this.walk(event));
    keys.addEventListener("keyup", (event) => this.letGo(event));
    keys.addEventListener("focusout", () => notes.releaseAll("focus"));
    addEventListener("keydown", (event) => this.typed(event));
    addEventListener("keyup", (event) => this.untyped(event));
    const leave = () => this.releaseHands();
    addEventListener("blur", leave);
    document.addEventListener("visibilitychange", () => document.hidden && leave());
  }

  /** Make as many keys as there is room for, with middle C near the middle. */
  build() {
    const wanted = Math.round(this.keys.clientWidth / WHITE_WIDTH_PX);
    const n = Math.min(MOST, Math.max(FEWEST, wanted));
    const first = this.first(n);
    if (n === this.n && first === this.lowest) return;
    [this.n, this.lowest] = [n, first];
    const made = [];
    for (let white = 0, note = first; white < n; note += 1) {
      const isWhite = WHITE.includes(note % 12);
      const key = make("div", {
        class: isWhite ? "white" : "black", role: "button", "aria-label": noteName(note), "data-note": note,
        tabindex: note === this.focusNote ? 0 : -1,
      });
      key.style.setProperty("--x", white / n);
      if (note % 12 === 0) key.append(make("span", { "aria-hidden": "true" }, noteName(note)));
      made.push(key);
      white += isWhite ? 1 : 0;
    }
    this.keys.style.setProperty("--n", n);
    this.keys.replaceChildren(...made);
    if (!made.some((key) => key.tabIndex === 0)) this.focusOn(Number(made[0].dataset.note), false);
    this.range.textContent = t("keys.range", { first: noteName(first), last: noteName(Number(made.at(-1).dataset.note)) });
    this.show();
    this.showZones();
  }

  /** Show which sound lies where, if the keyboard is split. */
  showZones() {
    const parts = play.parts.map(({ sound, keys = [0, 127] }) => ({ sound, keys }));
    this.zones.hidden = !parts.some(({ keys: [low, high] }) => low > 0 || high < 127);
    if (this.zones.hidden || !this.n) return this.zones.replaceChildren();
    const x = (note) => Math.min(1, Math.max(0, (whitesBelow(note) - whitesBelow(this.lowest)) / this.n));
    this.zones.replaceChildren(...parts.map(({ sound, keys: [low, high] }) => {
      const from = x(low), to = high >= 127 ? 1 : x(high + 1);
      const made = make("span", {}, to > from ? sound : "");
      made.style.left = `${100 * from}%`;
      made.style.width = `${100 * (to - from)}%`;
      made.hidden = to <= from;
      return made;
    }));
  }

  first(n) {
    const below = Math.floor((n - 8) / 14); // whole octaves to the left of the computer keys' octave
    return Math.max(LOWEST, 12 * (this.octave + 1 - Math.max(0, below)));
  }

  shift(by) {
    const octave = Math.min(8, Math.max(0, this.octave + by));
    if (12 * octave > HIGHEST) return;
    this.releaseHands();
    this.octave = octave;
    this.focusNote = 12 * (octave + 1);
    this.build();
  }

  setHold(isOn) {
    this.hold = isOn;
    this.holdButton.setAttribute("aria-pressed", isOn);
    if (!isOn) notes.releaseAll("hold");
  }

  show() {
    for (const key of this.keys.children) {
      const isOn = notes.isOn(Number(key.dataset.note));
      key.classList.toggle("on", isOn);
      key.setAttribute("aria-pressed", isOn);
    }
  }

  // --- notes, with hold ---

  begin(note, hand, velocity) {
    if (!this.hold) notes.press(note, hand, velocity);
    else if (notes.holds(note, "hold")) notes.release(note, "hold");
    else notes.press(note, "hold", velocity);
  }

  releaseHands() {
    const pointers = [...this.pointers.values()].map(({ hand }) => hand);
    for (const hand of [...pointers, ...this.pressed.keys(), "focus"]) notes.releaseAll(hand);
    this.pointers.clear();
    this.pressed.clear();
  }

  // --- pointers ---

  down(event) {
    const found = this.at(event);
    if (!found || event.button > 0) return;
    event.preventDefault();
    this.keys.setPointerCapture(event.pointerId);
    const hand = `pointer ${event.pointerId}`;
    this.pointers.set(event.pointerId, { hand, note: found.note });
    this.begin(found.note, hand, found.velocity);
  }

  slide(event) {
    const pointer = this.pointers.get(event.pointerId);
    const found = pointer && this.at(event);
    if (!pointer || found?.note === pointer.note) return;
    notes.releaseAll(pointer.hand);
    pointer.note = found?.note;
    if (found) this.begin(found.note, pointer.hand, found.velocity);
  }

  up(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    this.pointers.delete(event.pointerId);
    notes.releaseAll(pointer.hand);
  }

  /** The key under a pointer, and the velocity: louder towards the key's lower end. */
  at(event) {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-note]");
    if (!key || !this.keys.contains(key)) return null;
    const { top, height } = key.getBoundingClientRect();
    return { note: Number(key.dataset.note), velocity: 50 + 70 * Math.min(1, Math.max(0, (event.clientY - top) / height)) };
  }

  // --- the focus, for keyboards and screen readers ---

  walk(event) {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
    const note = Number(event.target.dataset.note);
    if (event.key in steps) {
      event.preventDefault();
      this.focusOn(note + steps[event.key], true);
    } else if ((event.key === " " || event.key === "Enter") && !event.repeat) {
      event.preventDefault();
      this.begin(note, "focus", 90);
    }
  }

  letGo(event) {
    if (event.key === " " || event.key === "Enter") notes.releaseAll("focus");
  }

  focusOn(note, isNow) {
    const key = this.keys.querySelector(`[data-note="${note}"]`);
    if (!key) return;
    this.keys.querySelector('[tabindex="0"]')?.setAttribute("tabindex", -1);
    this.focusNote = note;
    key.tabIndex = 0;
    if (isNow) key.focus();
  }

  // --- the computer's keys ---

  typed(event) {
    const isWriting = event.target.matches?.("input:not([type=range]):not([type=checkbox]), select, textarea");
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isWriting) return;
    const step = CODES.indexOf(event.code);
    if (step >= 0) {
      event.preventDefault();
      const note = 12 * (this.octave + 1) + step;
      this.pressed.set(event.code, note);
      this.begin(note, event.code, 90);
    } else if (event.code === "KeyZ" || event.code === "KeyX") {
      this.shift(event.code === "KeyX" ? 1 : -1);
    }
  }

  untyped(event) {
    if (!this.pressed.delete(event.code)) return;
    notes.releaseAll(event.code);
  }
}
customElements.define("tb-keys", Keys);

/** How many white keys are below a note, from note 0. */
function whitesBelow(note) {
  return 7 * Math.floor(note / 12) + WHITE.filter((white) => white < note % 12).length;
}
