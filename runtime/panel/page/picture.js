// The live picture: the output's spectrum, the decoder's spectrum, and the harmonics of the notes, over pitch and in dB.
import { draw, make } from "/make.js";
import { play } from "/play.js";
import "/sounding.js";
import { number, t } from "/words.js";

const LOWEST_HZ = 30, HIGHEST_HZ = 18000, N_BANDS = 256; // as in runtime/acoustics/spectrum_picture.py
const QUIETEST_DB = -96, LOUDEST_DB = 0;
const SHOWN_DB = [-84, 0];
const HZ_MARKS = [50, 100, 200, 500, 1000, 2000, 5000, 10000];
const DB_MARKS = [-20, -40, -60, -80];
const LEFT_PX = 34, BOTTOM_PX = 20, TOP_PX = 6;
const MOST_HARMONICS = 32, CLOSEST_PX = 7;
const FALL = 0.6; // share of a fall that one picture shows, so that noise does not flicker
const FALL_STILL = 0.15;

/** The place of a frequency on the axis of pitch, from 0 to 1. */
function along(hz) {
  return Math.log(hz / LOWEST_HZ) / Math.log(HIGHEST_HZ / LOWEST_HZ);
}

class Picture extends HTMLElement {
  connectedCallback() {
    if (this.canvas) return;
    this.heard = new Float32Array(N_BANDS).fill(QUIETEST_DB);
    this.decoded = new Float32Array(N_BANDS).fill(QUIETEST_DB);
    this.hz = [];
    this.canvas = make("canvas", { role: "img", "aria-label": t("picture.long") });
    this.grid = draw("svg", { "aria-hidden": "true" });
    this.append(
      make("div", { class: "bar" }, make("h2", {}, t("picture")), make("ul", { class: "key", "aria-hidden": "true" },
        ...["heard", "decoded", "harmonics"].map((name) => make("li", { class: name }, t(`picture.${name}`)))), make("tb-sounding")),
      make("div", { class: "screen" }, this.grid, this.canvas),
    );
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    new ResizeObserver(() => this.fit()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.colour());
    play.addEventListener("picture", ({ detail }) => this.take(detail));
    play.addEventListener("present", () => play.isPlaying || this.clear());
    this.colour();
  }

  /** Called when the picture's part of the page is shown or hidden; spectra are measured only while it is shown. */
  set open(isOpen) {
    play.want("picture", this, isOpen);
    if (!isOpen) this.clear?.();
  }

  colour() {
    const style = getComputedStyle(this);
    this.colours = Object.fromEntries(["accent", "accent-soft", "warm", "ink", "chroma-line"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
    this.paint();
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas, dense = Math.min(2, devicePixelRatio);
    if (!width || (width === this.width && height === this.height)) return;
    [this.width, this.height] = [width, height];
    [this.canvas.width, this.canvas.height] = [width * dense, height * dense];
    this.pen = this.canvas.getContext("2d");
    this.pen.scale(dense, dense);
    this.drawGrid();
    this.paint();
  }

  x(share) {
    return LEFT_PX + share * (this.width - LEFT_PX);
  }

  y(db) {
    const share = (Math.max(SHOWN_DB[0], db) - SHOWN_DB[0]) / (SHOWN_DB[1] - SHOWN_DB[0]);
    return this.height - BOTTOM_PX - share * (this.height - BOTTOM_PX - TOP_PX);
  }

  drawGrid() {
    const { width, height } = this, bottom = height - BOTTOM_PX;
    this.grid.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const text = (x, y, anchor, said) => draw("text", { x, y, "text-anchor": anchor }, said);
    const parts = [];
    const step = bottom < 120 ? 2 : 1;
    DB_MARKS.filter((_, k) => k % step === step - 1).forEach((db) => {
      parts.push(draw("line", { x1: LEFT_PX, x2: width, y1: this.y(db), y2: this.y(db) }), text(LEFT_PX - 6, this.y(db) + 4, "end", number(db)));
    });
    parts.push(text(LEFT_PX - 6, TOP_PX + 10, "end", "dB"));
    for (const hz of HZ_MARKS) {
      const x = this.x(along(hz));
      parts.push(draw("line", { x1: x, x2: x, y1: TOP_PX, y2: bottom }), text(x, height - 5, "middle", hz < 1000 ? hz : `${hz / 1000}k`));
    }
    parts.push(text(width - 1, height - 5, "end", "Hz"));
    this.grid.replaceChildren(...parts);
  }

  take({ hz, heard, decoded }) {
    const fall = this.still.matches ? FALL_STILL : FALL;
    const db = (QUIETEST_DB - LOUDEST_DB) / -255;
    for (const [shown, given] of [[this.heard, heard], [this.decoded, decoded]]) {
      for (let k = 0; k < N_BANDS; k += 1) {
        const now = QUIETEST_DB + given[k] * db;
        shown[k] = now > shown[k] && !this.still.matches ? now : shown[k] + fall * (now - shown[k]);
      }
    }
    this.hz = hz;
    this.paint();
  }

  clear() {
    this.heard?.fill(QUIETEST_DB);
    this.decoded?.fill(QUIETEST_DB);
    this.hz = [];
    this.paint();
  }

  paint() {
    if (!this.pen) return;
    const { pen, width, height, colours } = this, bottom = height - BOTTOM_PX;
    pen.clearRect(0, 0, width, height);
    pen.lineJoin = "round";
    this.trace(this.heard);
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.lineTo(width, bottom);
    pen.lineTo(LEFT_PX, bottom);
    pen.globalAlpha = 0.22;
    pen.fillStyle = colours.accent;
    pen.fill();
    pen.globalAlpha = 1;
    if (!this.hz.length) return;
    this.paintHarmonics(bottom);
    this.trace(this.decoded);
    pen.strokeStyle = colours.warm;
    pen.lineWidth = 1.5;
    pen.stroke();
  }

  trace(levels) {
    const { pen } = this, step = (this.width - LEFT_PX) / N_BANDS;
    pen.beginPath();
    for (let k = 0; k < N_BANDS; k += 1) pen.lineTo(LEFT_PX + (k + 0.5) * step, this.y(levels[k]));
  }

  /** Paint a tick below each note's harmonics, and points on the decoder's line at the newest note's harmonics. */
  paintHarmonics(bottom) {
    const { pen, hz, colours } = this;
    hz.forEach((fundamental, voice) => {
      pen.fillStyle = hueOf(fundamental, colours["chroma-line"]);
      let last = -Infinity;
      for (let n = 1; n <= MOST_HARMONICS && n * fundamental < HIGHEST_HZ; n += 1) {
        const x = this.x(along(n * fundamental));
        if (x - last < CLOSEST_PX) break;
        last = x;
        pen.fillRect(x - 1, bottom - (n === 1 ? 12 : 6), 2, n === 1 ? 12 : 6);
        if (voice > 0) continue;
        const band = Math.min(N_BANDS - 1, Math.floor(along(n * fundamental) * N_BANDS));
        const level = Math.max(...this.decoded.subarray(Math.max(0, band - 1), band + 2));
        if (level <= SHOWN_DB[0]) continue;
        pen.beginPath();
        pen.arc(x, this.y(level), 3, 0, 7);
        pen.fillStyle = colours.warm;
        pen.fill();
        pen.fillStyle = hueOf(fundamental, colours["chroma-line"]);
      }
    });
  }
}
customElements.define("tb-picture", Picture);

/** The colour of a note's pitch class, as on the pitch class's button. */
function hueOf(hz, template) {
  const chroma = ((Math.round(69 + 12 * Math.log2(hz / 440)) % 12) + 12) % 12;
  return template.replace("HUE", 30 * chroma);
}
