// The newest note's place and past places, if a trajectory or an LFO moves the note.
const APART = 0.012, STILL = 1e-3;
const N_PLACES = 300, N_STILL = 30; // 10 s are shown; the trail ends after 1 s without motion
const SMOOTH = 0.35;

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

  paint(pen, toPixel, colour) {
    if (this.places.length < 2) return;
    const pixels = this.places.map(toPixel);
    pen.beginPath();
    for (const [x, y] of pixels) pen.lineTo(x, y);
    pen.lineJoin = pen.lineCap = "round";
    pen.lineWidth = 2;
    pen.strokeStyle = pen.fillStyle = colour;
    pen.stroke();
    pen.beginPath();
    pen.arc(...pixels.at(-1), 7, 0, 7);
    pen.fill();
  }
}

function far([x, y], [u, v], limit) {
  return Math.hypot(x - u, y - v) > limit;
}
