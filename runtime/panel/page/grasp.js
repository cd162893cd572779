// The hands on the map: a pointer or the arrow keys move the ring, choose pins, and draw paths, with a note meanwhile.
import { notes } from "/notes.js";

const STEP = 0.02;
const HAND = "map", NOTE = 60;
const REACH_PX = 17; // of the ring
const MOVED_PX = 4; // a press that goes no farther is a click
const HELD_MS = 350; // holding a pin this long plays a note

export class Grasp {
  /** map: the map; plays: the checkbox that says whether a note sounds meanwhile. */
  constructor(map, plays) {
    this.map = map;
    this.plays = plays;
    this.isDragging = false;
  }

  /** The listeners for the map's canvas. */
  get listeners() {
    return {
      pointerdown: (event) => this.take(event), pointermove: (event) => this.drag(event),
      pointerup: (event) => this.drop(event), pointercancel: () => this.leave(), pointerleave: () => this.map.pins.point(null),
      keydown: (event) => this.step(event), keyup: () => this.isDragging || this.leave(), blur: () => this.leave(),
    };
  }

  take(event) {
    const { canvas, sheet, path, pins } = this.map;
    if (event.button > 0 || !sheet) return;
    canvas.setPointerCapture(event.pointerId);
    this.isDragging = true;
    if (path.isOn) path.begin(this.placeAt(event));
    const spot = this.spotOf(event), onRing = this.isOnRing(spot), pin = path.isOn ? null : pins.at(spot);
    this.pressed = pin || (onRing && !path.isOn) ? { spot, pin } : null;
    if (this.pressed && !onRing) this.timer = setTimeout(() => this.hear(pin), HELD_MS);
    else this.sound();
    if (!this.pressed) this.drag(event);
  }

  drag(event) {
    const { path, pins } = this.map;
    if (!this.isDragging) return pins.point(path.isOn ? null : pins.at(this.spotOf(event)));
    if (this.pressed) {
      const [x, y] = this.spotOf(event), [u, v] = this.pressed.spot;
      if (Math.hypot(x - u, y - v) < MOVED_PX) return; // it may be a click on a pin
      this.pressed = null;
      clearTimeout(this.timer);
      this.sound();
    }
    if (path.isOn) path.add(this.placeAt(event));
    this.map.go(this.placeAt(event));
  }

  drop(event) {
    const pin = this.pressed?.pin;
    if (pin && event.button === 0) this.map.pins.choose(pin);
    this.leave();
  }

  /** Choose a held pin's sound, and play it. */
  async hear(pin) {
    const { pressed } = this;
    await this.map.pins.choose(pin);
    if (this.pressed !== pressed || !pressed) return;
    pressed.pin = null; // so that a release does not choose it again
    this.sound();
  }

  isOnRing([x, y]) {
    const { place } = this.map, [u, v] = place ? this.map.toPixel(place) : [Infinity, Infinity];
    return Math.hypot(x - u, y - v) <= REACH_PX;
  }

  /** The place of a pointer on the map, in pixels. */
  spotOf(event) {
    const { left, top } = this.map.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  placeAt(event) {
    return this.map.toPlace(...this.spotOf(event));
  }

  step(event) {
    const { path, place } = this.map;
    if (event.key === "Enter" && path.isOn && place) path.addPoint(place);
    if (event.key === "Escape" && path.isOn) path.set(false);
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in steps) || !place) return;
    event.preventDefault();
    this.sound();
    const by = event.shiftKey ? 4 * STEP : STEP;
    this.map.go(place.map((x, d) => x + by * steps[event.key][d]));
  }

  /** Sound a note until `leave`, unless a key is down or the user wants none. */
  sound() {
    if (this.plays.checked && !notes.hands.size && !notes.theirs.size) notes.press(NOTE, HAND);
  }

  leave() {
    if (this.isDragging && this.map.path.isOn) this.map.path.end();
    this.isDragging = false;
    this.pressed = null;
    clearTimeout(this.timer);
    notes.releaseAll(HAND);
  }
}
