// Sounds as pins on the map. The ring's canvas covers the pins, so the map handles pointer presses; keys press pins directly.
import { complain } from "/head.js";
import { leave } from "/leaving.js";
import { make } from "/make.js";
import { play } from "/play.js";
import { choose, shelf } from "/shelf.js";
import { t } from "/words.js";

const REACH_PX = 13, DISC_PX = 8; // half-widths
const NAME_PX = 8, BESIDE_PX = 11, ABOVE_PX = 16, RAISED_PX = 27; // a name's half-height, and how far from its pin it is
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
      .map(({ name, tree }) => ({ name, row: rowAtFirst(tree, names), isOwn: true }));
    this.pins = [...own, ...theirs].map((pin) => ({ ...pin, button: this.button(pin) }));
    this.layer.replaceChildren(...this.pins.map((pin) => pin.button));
    this.lay();
    this.map.couple.build();
    this.map.moved();
    this.focusOn(this.pins.find(({ name }) => name === play.sound) ?? this.pins[0], false);
  }

  button(pin) {
    return make("button", {
      type: "button", class: pin.isOwn ? "own" : "theirs", "aria-label": t("map.pin", { name: pin.name }),
      click: () => this.choose(pin),
    }, make("span", {}, pin.name));
  }

  choose({ name, isOwn }) {
    return leave(() => choose(name, isOwn), name).catch(complain);
  }

  /** The nearest pin within reach of a place on the map in pixels; null for none. */
  at([x, y]) {
    const far = (pin) => (pin.spot ? Math.hypot(pin.spot[0] - x, pin.spot[1] - y) : Infinity);
    const nearest = (this.pins ?? []).reduce((best, pin) => (best && far(best) <= far(pin) ? best : pin), null);
    return nearest && far(nearest) <= REACH_PX ? nearest : null;
  }

  /** The names of the pins with their places on the map in pixels: [[name, spot]]. */
  get spots() {
    return (this.pins ?? []).filter(({ spot }) => spot).map(({ name, spot }) => [name, spot]);
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

  /** Place the pins, and show those names that cover neither each other nor a pin; always those of the playing sound and of
   * the two sounds that the user has chosen to be between. */
  lay() {
    if (!this.pins || !this.map.width) return;
    this.pen.font = `600 13px ${getComputedStyle(this.layer).fontFamily}`;
    for (const pin of this.pins) {
      pin.place = this.map.placeOf(pin.row);
      pin.spot = pin.place && this.map.toPixel(pin.place);
    }
    const laid = this.pins.filter(({ spot }) => spot), isRinged = ({ name }) => name === play.sound;
    const isFirst = (pin) => isRinged(pin) || this.map.couple.has(pin);
    const discs = new Map(laid.map((pin) => [pin, box(pin.spot, [0, 0], DISC_PX, DISC_PX)])), names = [];
    for (const pin of [...laid].sort((a, b) => isFirst(b) - isFirst(a))) {
      const sides = this.sidesOf(pin, isRinged(pin));
      const others = [...[...discs].filter(([other]) => other !== pin).map(([, disc]) => disc), ...names];
      const free = sides.find((side) => this.isFree(side.box, others)), side = free ?? sides[0];
      if (free || isFirst(pin)) names.push(side.box);
      this.set(pin, side.by, Boolean(free) || isFirst(pin));
    }
    this.laidFor = play.sound;
    this.mark();
  }

  /** Where a pin's name may be, the best first: [{by: from the pin to the name's middle, box}]; the ring needs more room. */
  sidesOf({ name, spot: [x, y] }, isRinged) {
    const half = this.pen.measureText(name).width / 2 + 2, up = isRinged ? RAISED_PX : ABOVE_PX, aside = half + (isRinged ? RAISED_PX - NAME_PX : BESIDE_PX);
    const shift = Math.min(this.map.width - half - 2, Math.max(half + 2, x)) - x; // keeps a name above or below within the map
    const sides = [[shift, -up], [shift, up], [aside, 0], [-aside, 0]], slant = up - 2; // aslant, a name may be nearer
    return [...sides, ...[-1, 1].flatMap((y) => [-1, 1].map((x) => [x * (half - 4), y * slant]))].map((by) => ({ by, box: box([x, y], by, half, NAME_PX) }));
  }

  isFree(name, others) {
    const { width, height } = this.map, isWithin = name.left >= 0 && name.top >= 0 && name.right <= width && name.bottom <= height;
    return isWithin && !others.some((other) => name.left < other.right && other.left < name.right && name.top < other.bottom && other.top < name.bottom);
  }

  set({ name, spot: [x, y], button }, [dx, dy], isShown) {
    button.style.left = `${x}px`;
    button.style.top = `${y}px`;
    button.style.setProperty("--dx", `${dx}px`);
    button.style.setProperty("--dy", `${dy}px`);
    button.style.setProperty("--hue", this.map.ground.hueOf(name));
    button.classList.toggle("quiet", !isShown);
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

/** The latents with which a sound begins to play: those of its morph's first sound, unless the morph says where it begins. */
function rowAtFirst({ latents, morph }, names) {
  const [first] = morph?.at ? [] : (morph?.sounds ?? []);
  const from = typeof first === "object" ? { ...latents, ...first } : latents;
  return names.map((latent) => from[latent]);
}

function instrumentOf({ instrument }) {
  return typeof instrument === "object" ? instrument?.name : instrument;
}

/** A box around a point that is `by` from the spot, with half its width and height. */
function box([x, y], [dx, dy], half, halfHeight) {
  return { left: x + dx - half, right: x + dx + half, top: y + dy - halfHeight, bottom: y + dy + halfHeight };
}
