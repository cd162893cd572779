// Sounds as pins on the map: a click chooses one.
import { complain } from "/head.js";
import { make } from "/make.js";
import { notes } from "/notes.js";
import { play } from "/play.js";
import { choose, shelf } from "/shelf.js";
import { t } from "/words.js";

const NAME_PX = 15, NOTE = 60, HAND = "pin";
const MOST_OWN = 64; // whose files are read for their places

export class Pins {
  /** map: the map, which says where a sound with some latents lies; plays: whether a pin is heard while it is held. */
  constructor(map, plays) {
    [this.map, this.plays] = [map, plays];
    this.layer = make("div", { class: "pins", role: "group", "aria-label": t("map.pins"), keydown: (event) => this.walk(event) });
    this.pen = new OffscreenCanvas(1, 1).getContext("2d");
    shelf.addEventListener("change", () => this.build());
  }

  /** Find all sounds that have a place here. */
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

  button({ name, isOwn }) {
    const act = () => choose(name, isOwn);
    const press = async (event) => {
      if (event.button > 0) return;
      await act().catch(complain);
      if (this.plays.checked && this.isDown && !notes.hands.size) notes.press(NOTE, HAND);
    };
    const release = () => {
      this.isDown = false;
      notes.releaseAll(HAND);
    };
    return make("button", {
      type: "button", class: isOwn ? "own" : "theirs", "aria-label": t("map.pin", { name }),
      pointerdown: (event) => { this.isDown = event.button === 0; press(event); },
      pointerup: release, pointerleave: release, pointercancel: release,
      click: (event) => event.detail === 0 && act().catch(complain), // by a key
    }, make("span", {}, name));
  }

  /** The group is one stop of the Tab key; the arrow keys go on from pin to pin. */
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

  /** Put the pins where they belong, with names as far as these do not lie on one another. */
  lay() {
    if (!this.pins || !this.map.width) return;
    const taken = [], { width } = this.map;
    this.pen.font = `600 13px ${getComputedStyle(this.layer).fontFamily}`;
    for (const { name, row, button } of this.pins) {
      const place = this.map.placeOf(row);
      if (!place) continue;
      const [x, y] = this.map.toPixel(place), half = this.pen.measureText(name).width / 2 + 4;
      const middle = Math.min(width - half, Math.max(half, x));
      const isFree = !taken.some((box) => Math.abs(box.x - middle) < box.half + half && Math.abs(box.y - y) < NAME_PX);
      if (isFree) taken.push({ x: middle, y, half });
      button.style.left = `${x}px`;
      button.style.top = `${y}px`;
      button.style.setProperty("--shift", `${middle - x}px`);
      button.style.setProperty("--hue", this.map.hueOf(name));
      button.classList.toggle("quiet", !isFree);
    }
    this.mark();
  }

  /** Show which one plays. */
  mark() {
    for (const { name, button } of this.pins ?? []) {
      if (name === play.sound) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }
}

function instrumentOf({ instrument }) {
  return typeof instrument === "object" ? instrument?.name : instrument;
}
