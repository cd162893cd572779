// A slider that moves the ring along a line of the map, and sounds a note while it is held.
import { make } from "/make.js";
import { number } from "/words.js";

export class Walker {
  /** map: the map with the ring; walk: receives the slider's share of the way, 0 to 1, when the user moves it. */
  constructor(map, id, label, walk) {
    this.map = map;
    this.range = make("input", { type: "range", id, min: 0, max: 1, step: 0.001,
      input: () => { this.say(this.at); walk(this.at); },
      pointerdown: () => this.hold(), pointerup: () => map.grasp.leave(), pointercancel: () => map.grasp.leave(), blur: () => map.grasp.leave() });
    this.percent = make("output", { for: id, "aria-hidden": "true" });
    this.label = make("label", { for: id }, label);
    this.element = make("div", { class: "walker" }, this.label, this.percent, this.range);
  }

  get at() {
    return Number(this.range.value);
  }

  set at(share) {
    this.range.value = share;
    this.say(share);
  }

  say(share) {
    this.percent.textContent = `${number(100 * share)} %`;
    this.range.setAttribute("aria-valuetext", this.percent.textContent);
    this.element.style.setProperty("--at", share);
  }

  /** Sound a note while the slider is held; the focus comes first, because the map ends its note when it loses the focus. */
  hold() {
    this.range.focus({ preventScroll: true });
    this.map.grasp.sound();
  }
}
