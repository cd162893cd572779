// The ground of the map: the learned frames as points, coloured by their sounds, or by the value of one latent.
import { make } from "/make.js";
import { targetName, t } from "/words.js";

const POINT_PX = 3.2;

export class Ground {
  /** map: the map, which has the points' places, rows and owners. */
  constructor(map) {
    this.map = map;
    this.canvas = make("canvas", { class: "ground", "aria-hidden": "true" });
    this.colours = make("select", { id: "map-colour", change: () => this.forget() });
    this.choice = make("label", { class: "check", for: "map-colour" }, t("map.colour"), this.colours);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.forget());
  }

  /** Offer the colours of this instrument; owners: the name of each point's sound. */
  build(targets, owners) {
    const chosen = this.colours.value;
    this.hues = new Map([...new Set(owners)].map((name, k) => [name, hue(k)]));
    this.colours.replaceChildren(...["", ...targets].map((target) =>
      make("option", { value: target, selected: target === chosen }, target ? targetName(target) : t("map.bysound"))));
    this.forget();
  }

  hueOf(name) {
    return this.hues?.get(name) ?? 0;
  }

  /** Paint the ground again, after a change of its size, points or colours. */
  forget() {
    this.isStale = true;
    this.map.draw();
  }

  paint() {
    if (!this.isStale) return;
    this.isStale = false;
    const { map } = this, pen = cleared(this.canvas, map.dense);
    if (!map.sheet) return;
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const tint = this.tints(isDark);
    const radius = Math.min(map.width, map.height) / 14;
    // Soft discs add up, so that the colour is strong where many frames were learned.
    map.points.forEach((point, k) => {
      const [x, y] = map.toPixel(point), fade = pen.createRadialGradient(x, y, 0, x, y, radius);
      fade.addColorStop(0, tint(k, isDark ? 0.1 : 0.12));
      fade.addColorStop(1, tint(k, 0));
      pen.fillStyle = fade;
      pen.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    });
    if (!map.isPlane) map.points.forEach((point, k) => dot(pen, map.toPixel(point), POINT_PX, tint(k, 0.9)));
  }

  /** Return the colour of each point, from the point's sound or from the value of one latent. */
  tints(isDark) {
    const { targets, owners, rows } = this.map, latent = targets.indexOf(this.colours.value);
    if (latent < 0) return (k, alpha) => `oklch(${isDark ? 0.78 : 0.56} 0.13 ${this.hueOf(owners[k])} / ${alpha})`;
    return (k, alpha) => {
      const at = rows[k][latent];
      return `oklch(${isDark ? 0.5 + 0.4 * at : 0.75 - 0.4 * at} 0.14 ${270 - 220 * at} / ${alpha})`;
    };
  }
}

/** A hue for label k, far from the hues of its neighbours in the list. */
function hue(k) {
  return Math.round((k * 137.5 + 25) % 360);
}

/** A cleared canvas's pen, in pixels of the window. */
export function cleared(canvas, dense) {
  const pen = canvas.getContext("2d");
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  return pen;
}

export function dot(pen, [x, y], radius, colour) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = colour;
  pen.fill();
}
