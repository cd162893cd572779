// Sounds as pins on the map. The ring's canvas covers the pins, so the map handles pointer presses; keys press pins directly.
import { complain } from "/head.js";
import { make } from "/make.js";
import { play } from "/play.js";
import { choose, shelf } from "/shelf.js";
import { t } from "/words.js";

const NAME_PX = 15, RAISED_PX = 10, REACH_PX = 13;
const MOST_OWN = 64; // user's sounds to read, for their places

export class Pins {
  /** map: the map, which converts latents to places. */
  constructor(map) {
    this.map = map;
    this.layer = make("div", { class: "pins", role: "group", "aria-label": t("map.pins"), keydown: (event) => this.walk(event) });
    this.pen = new OffscreenCanvas(1, 1).getContext("2d");
    shelf.addEventListener("change", () => this.build());
  }

  /** Make a pin for each sound that has a place on this map. */
  async build() {
    const { card } = play, number = (this.nBuilt = (this.nBuilt ?? 0) + 1);
    if (!card) return this.layer.replaceChildren();
    const names = card.latents;
    const theirs = card.sounds.filter((sound) => sound.name && sound.positions?.length === names.length)
      .map(({ name, positions }) => ({ name, row: positions, isOwn: false }));
    const trees = await Promise.all(shelf.own.slice(0, MOST_OWN).map(({ name }) => shelf.tree(name).catch(() => ({}))));
    if (number !== this.nBuilt) return;
    const own = trees.map((tree, k) => ({ name: shelf.own[k].name, tree }))
      .filter(({ tree }) => tree.latents && instrumentOf(tree) === card.instrument && names.every((latent) => latent in tree.latents))
      .map(({ name, tree }) => ({ name, row: names.map((latent) => tree.latents[latent]), isOwn: true }));
    this.pins = [...own, ...theirs].map((pin) => ({ ...pin, button: this.button(pin) }));
    this.layer.replaceChildren(...this.pins.map((pin) => pin.button));
    this.lay();
    this.focusOn(this.pins.find(({ name }) => name === play.sound) ?? this.pins[0], false);
  }

  button(pin) {
    return make("button", {
      type: "button", class: pin.isOwn ? "own" : "theirs", "aria-label": t("map.pin", { name: pin.name }),
      click: () => this.choose(pin),
    }, make("span", {}, pin.name));
  }

  choose({ name, isOwn }) {
    return choose(name, isOwn).catch(complain);
  }

  /** The nearest pin within reach of a place on the map in pixels; null for none. */
  at([x, y]) {
    const far = (pin) => (pin.spot ? Math.hypot(pin.spot[0] - x, pin.spot[1] - y) : Infinity);
    const nearest = (this.pins ?? []).reduce((best, pin) => (best && far(best) <= far(pin) ? best : pin), null);
    return nearest && far(nearest) <= REACH_PX ? nearest : null;
  }

  /** Show the name of the pin below the pointer. */
  point(pin) {
    for (const each of this.pins ?? []) each.button.classList.toggle("pointed", each === pin);
  }

  /** Move the focus from pin to pin with the arrow keys; the Tab key stops once for all pins. */
  walk(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const n = this.pins.length, at = this.pins.findIndex(({ button }) => button === event.target);
    this.focusOn(this.pins[(at + by + n) % n], true);
  }

  focusOn(pin, isFocused) {
    for (const each of this.pins) each.button.tabIndex = each === pin ? 0 : -1;
    if (isFocused) pin.button.focus();
  }

  /** Place the pins, and show names that do not overlap. */
  lay() {
    if (!this.pins || !this.map.width) return;
    const taken = [], { width } = this.map;
    this.pen.font = `600 13px ${getComputedStyle(this.layer).fontFamily}`;
    // The playing sound's pin goes first; its name is above the ring.
    const isFirst = ({ name }) => name === play.sound;
    for (const pin of [...this.pins].sort((a, b) => isFirst(b) - isFirst(a))) {
      const { name, row, button } = pin, place = this.map.placeOf(row);
      if (!place) continue;
      const [x, y] = (pin.spot = this.map.toPixel(place)), half = this.pen.measureText(name).width / 2 + 6;
      const middle = Math.min(width - half, Math.max(half, x)), height = isFirst(pin) ? y - RAISED_PX : y;
      const isFree = !taken.some((box) => Math.abs(box.x - middle) < box.half + half && Math.abs(box.y - height) < NAME_PX);
      if (isFree) taken.push({ x: middle, y: height, half });
      button.style.left = `${x}px`;
      button.style.top = `${y}px`;
      button.style.setProperty("--shift", `${middle - x}px`);
      button.style.setProperty("--hue", this.map.hueOf(name));
      button.classList.toggle("quiet", !isFree);
    }
    this.laidFor = play.sound;
    this.mark();
  }

  /** Mark the playing sound's pin. */
  mark() {
    if (this.laidFor !== play.sound && this.pins && this.map.width) return this.lay();
    for (const { name, button } of this.pins ?? []) {
      if (name === play.sound) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }
}

function instrumentOf({ instrument }) {
  return typeof instrument === "object" ? instrument?.name : instrument;
}
