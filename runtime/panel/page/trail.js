// The newest note's place and past places, if a trajectory or an LFO moves the note: a dot with a tail, tied to the ring.
import { dot } from "/ground.js";
import { make } from "/make.js";
import { t } from "/words.js";

const APART = 0.012, STILL = 1e-3;
const N_PLACES = 90, N_STILL = 30; // 3 s are shown; the trail ends after 1 s without motion
const SMOOTH = 0.35, FOLLOWS = 0.1; // of the way to where the note, and its label, should be
const DOT_PX = 5, RIM_PX = 2, BELOW_PX = 26, NEAR_PX = 14; // of a label's middle: below the ring, and beside the trail
const LABEL_HALF = [74, 10]; // half a label's size

export class Trail {
  constructor() {
    this.places = [];
    this.labels = ["map.set", "map.moves"].map((name) => make("span", { class: "tag", "aria-hidden": "true", hidden: true }, t(name)));
  }

  clear() {
    this.places = [];
    this.labelled = null; // where the trail's label is
    for (const label of this.labels) label.hidden = true;
  }

  /** Add the note's place `at`, null for no note; place: the sound's. Return whether the picture changes. */
  follow(at, place) {
    const n = this.places.length;
    if (!at) {
      this.clear();
      return n > 0;
    }
    if (!n && !(place && far(at, place, APART))) return false;
    const last = this.places.at(-1) ?? at;
    this.places.push(last.map((x, d) => x + SMOOTH * (at[d] - x)));
    if (n >= N_PLACES) this.places.shift();
    if (n > N_STILL && this.places.slice(-N_STILL).every((each) => !far(each, at, STILL))) this.clear();
    return true;
  }

  /** Begin again if the ring has moved to another place: the former places were around its former one. */
  tie(place) {
    if (this.tiedTo && far(this.tiedTo, place, STILL)) this.clear();
    this.tiedTo = place;
  }

  /** Paint the tail and its tie to the ring with `line`, and the dot with `pen`; ring: its pixel, null to paint nothing. */
  paint(line, pen, ring, map, style) {
    const isShown = ring !== null && this.places.length > 1;
    for (const label of this.labels) label.hidden = !isShown;
    if (!isShown) return;
    const pixels = this.places.map((place) => map.toPixel(place)), at = pixels.at(-1), colour = style.getPropertyValue("--accent");
    line.strokeStyle = colour;
    line.lineJoin = line.lineCap = "round";
    stroke(line, [ring, at], 1.5, [2, 5]);
    stroke(line, pixels, 2, []);
    dot(pen, at, DOT_PX + RIM_PX, style.getPropertyValue("--card"));
    dot(pen, at, DOT_PX, colour);
    this.label(ring, pixels, map);
  }

  /** Label the ring below it, and the trail at its lower edge; if the two would touch, the trail at its upper edge. */
  label(ring, pixels, map) {
    const xs = pixels.map(([x]) => x), ys = pixels.map(([, y]) => y), [half, halfHeight] = LABEL_HALF;
    const within = (x, most) => Math.min(most - half, Math.max(half, x));
    const own = [within(ring[0], map.width), ring[1] + BELOW_PX], x = within((Math.min(...xs) + Math.max(...xs)) / 2, map.width);
    const below = Math.max(...ys) + NEAR_PX, above = Math.min(...ys) - NEAR_PX;
    const touches = Math.abs(x - own[0]) < 2 * half && Math.abs(below - own[1]) < 2 * halfHeight;
    put(this.labels[0], own);
    const there = [x, touches || below > map.height - halfHeight ? above : below];
    this.labelled = this.labelled?.map((last, d) => last + FOLLOWS * (there[d] - last)) ?? there;
    put(this.labels[1], this.labelled);
  }
}

function put(label, [x, y]) {
  label.style.left = `${x}px`;
  label.style.top = `${y}px`;
}

function stroke(pen, pixels, width, dashes) {
  pen.beginPath();
  for (const [x, y] of pixels) pen.lineTo(x, y);
  pen.setLineDash(dashes);
  pen.lineWidth = width;
  pen.stroke();
  pen.setLineDash([]);
}

function far([x, y], [u, v], limit) {
  return Math.hypot(x - u, y - v) > limit;
}
