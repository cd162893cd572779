// The newest note's place and past places, if a trajectory or an LFO moves the note: a dot with a tail, tied to the ring.
import { dot } from "/ground.js";

const APART = 0.012, STILL = 1e-3;
const N_PLACES = 90, N_STILL = 30; // 3 s are shown; the trail ends after 1 s without motion
const SMOOTH = 0.35; // of the way to where the note is
const DOT_PX = 5, RIM_PX = 2;

export class Trail {
  constructor() {
    this.places = [];
  }

  clear() {
    this.places = [];
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

  /** Begin the tail again if the ring has moved to another place: the former places were around its former one. */
  tie(place) {
    if (this.tiedTo && far(this.tiedTo, place, STILL)) this.places = this.places.slice(-1);
    this.tiedTo = place;
  }

  /** Paint the tail and its tie to the ring with `line`, and the dot with `pen`; ring: its pixel, null for only the dot. */
  paint(line, pen, ring, map, style) {
    if (!this.places.length) return;
    const pixels = this.places.map((place) => map.toPixel(place)), at = pixels.at(-1), colour = style.getPropertyValue("--accent");
    line.strokeStyle = colour;
    line.lineJoin = line.lineCap = "round";
    if (ring !== null) {
      stroke(line, [ring, at], 1.5, [2, 5]);
      stroke(line, pixels, 2, []);
    }
    dot(pen, at, DOT_PX + RIM_PX, style.getPropertyValue("--card"));
    dot(pen, at, DOT_PX, colour);
  }
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
