// Two sounds that the user chooses on the map, and a slider that moves the ring along the line between their pins.
import { make } from "/make.js";
import { onLine } from "/nearness.js";
import { play } from "/play.js";
import { between } from "/reading.js";
import { movesByItself } from "/signs.js";
import { Walker } from "/walker.js";
import { t } from "/words.js";

const ON_LINE_PX = 5; // so far from the line, the ring is still on it
const AT_END = 0.03; // a share of the way so near to an end is at the end's pin

export class Couple {
  /** map: the map, with its pins. */
  constructor(map) {
    this.map = map;
    this.ends = ["couple.a", "couple.b"].map((name) => make("select", { "aria-label": t(name), change: () => this.choose() }));
    this.walker = new Walker(map, "couple-at", t("couple.way"), (share) => this.go(share));
    this.why = make("p", { class: "hint" }); // why the dot of what sounds is not at the ring
    this.isChosen = false; // whether the user has chosen one of the two
    this.element = make("div", { class: "couple", role: "group", "aria-label": t("couple") }, make("h3", {}, t("couple")),
      make("div", { class: "ends" }, ...this.ends), this.walker.element, this.why);
    this.show();
  }

  /** Offer the map's pins; the first one is the playing sound's until the user chooses. */
  build() {
    const pins = this.map.pins.pins ?? [], present = pins.find(({ name }) => name === play.sound);
    const chosen = this.ends.map((end) => end.value), offered = pins.map(keyOf).join("\n");
    this.isChosen &&= pins.some((pin) => chosen.includes(keyOf(pin))); // another instrument has other pins
    if (!this.isChosen && present) chosen[0] = keyOf(present);
    this.ends.forEach((end, k) => {
      if (offered !== this.offered) { // an open list stays as it is
        end.replaceChildren(make("option", { value: "" }, t("couple.none")), ...pins.map((pin) => make("option", { value: keyOf(pin) }, pin.name)));
      }
      end.value = chosen[k];
      if (end.selectedIndex < 0) end.value = ""; // a sound that is no longer there
    });
    this.offered = offered;
    this.show();
  }

  /** The two chosen pins, each with its place; null before two are chosen. */
  get pins() {
    const found = this.ends.map((end) => this.map.pins.pins?.find((pin) => keyOf(pin) === end.value));
    if (!found[0] || !found[1] || found[0] === found[1]) return null;
    return found.every(({ place }) => place) ? found : null;
  }

  /** Whether a pin is one of the two. */
  has(pin) {
    return this.pins !== null && this.ends.some((end) => end.value === keyOf(pin));
  }

  choose() {
    this.isChosen = true;
    this.show();
    this.map.pins.lay();
    if (this.pins) this.go(0.5);
    else this.map.draw();
  }

  go(share) {
    const [a, b] = this.pins;
    this.map.go(a.place.map((x, d) => x + share * (b.place[d] - x)));
  }

  /** The two sounds' names and the share of the way between them, of a place on the line between their pins; else null. */
  at(place) {
    const { pins } = this;
    if (!pins || !place) return null;
    const [a, b] = pins, { share, aside } = onLine(this.map.toPixel(place), a.spot, b.spot);
    const isOn = aside * Math.hypot(a.spot[0] - b.spot[0], a.spot[1] - b.spot[1]) < ON_LINE_PX && share > -AT_END && share < 1 + AT_END;
    return isOn ? { a: a.name, b: b.name, share: Math.min(1, Math.max(0, share)) } : null;
  }

  /** Whether a place on the line is at neither of its ends. */
  isBetween(found) {
    return found !== null && found.share > AT_END && found.share < 1 - AT_END;
  }

  /** Show where on the line the ring is. */
  show() {
    const found = this.at(this.map.place), { walker, pins } = this;
    walker.range.disabled = !pins;
    this.sayWhy();
    walker.label.textContent = pins ? t("couple.from", { a: pins[0].name, b: pins[1].name }) : t("couple.way");
    if (found) {
      walker.at = found.share;
      if (this.isBetween(found)) walker.range.setAttribute("aria-valuetext", `${walker.percent.textContent}, ${between(found)}`);
    } else {
      if (!pins) walker.at = 0; // nothing is filled before two are chosen
      walker.percent.textContent = pins ? t("couple.off") : "";
    }
  }

  sayWhy() {
    const isShown = this.pins && movesByItself(), key = play.parts.length ? "couple.moves.split" : "couple.moves";
    const text = isShown ? t(key, { name: play.state.sound.name ?? t("now.none") }) : "";
    if (this.why.textContent !== text) this.why.textContent = text;
  }

  paint(pen, style) {
    const { pins } = this;
    if (!pins) return;
    pen.beginPath();
    for (const { spot } of pins) pen.lineTo(...spot);
    pen.setLineDash([2, 6]);
    pen.lineCap = "round";
    pen.lineWidth = 3;
    pen.strokeStyle = style.getPropertyValue("--ink");
    pen.stroke();
    pen.setLineDash([]);
  }
}

function keyOf({ name, isOwn }) {
  return `${isOwn ? "own" : "theirs"} ${name}`;
}
