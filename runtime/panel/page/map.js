// The map: what was learnt as points, the sound's place among them, and the point that can be dragged.
import { atNextPicture, button, make } from "/make.js";
import { blend, middleOf, nearest, shares } from "/near.js";
import { notes } from "/notes.js";
import { play } from "/play.js";
import { number, t, targetName } from "/words.js";

const EDGE_PX = 26, POINT_PX = 3.2, GRIP_PX = 13;
const STEP = 0.02;
const DRAG_HAND = "map", DRAG_NOTE = 60;
const SAME = 1e-3;

class SoundMap extends HTMLElement {
  connectedCallback() {
    this.draw = atNextPicture(() => this.paint());
    this.canvas = make("canvas", {
      tabindex: 0, role: "application", "aria-label": t("map.place"), "aria-describedby": "map-how",
      pointerdown: (event) => this.take(event), pointermove: (event) => this.drag(event),
      pointerup: () => this.leave(), pointercancel: () => this.leave(), keydown: (event) => this.step(event),
      keyup: () => this.leave(), blur: () => this.leave(),
    });
    this.plays = make("input", { type: "checkbox", id: "map-note" });
    this.plays.checked = true;
    this.near = make("ol", { class: "near", "aria-live": "polite" });
    this.axes = make("div", { class: "axes" });
    this.labels = make("div", { class: "labels" });
    this.how = make("p", { id: "map-how" });
    this.append(
      make("div", { class: "sheet" }, this.canvas),
      make("div", { class: "legend" },
        make("h2", {}, t("map")), this.how, this.axes,
        make("label", { class: "check", for: "map-note" }, this.plays, t("map.note")),
        make("h3", {}, t("map.near")), this.near, this.labels),
    );
    new ResizeObserver(() => this.fit()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.forget());
    play.addEventListener("present", () => this.build());
    play.addEventListener("moved", () => this.moved());
    this.build();
  }

  build() {
    const { card } = play;
    this.points = null;
    this.targets = play.targets.filter((target) => target.startsWith("latent."));
    if (!card || !this.targets.length) return this.draw();
    this.isPlane = !card.embedding;
    if (this.isPlane) this.buildPlane(card);
    else this.buildEmbedding(card.embedding);
    this.how.textContent = t(this.isPlane ? "map.plane" : "map.drag");
    this.names = [...new Set(this.owners)];
    const middles = this.names.map((name) => middleOf(this.points.filter((_, k) => this.owners[k] === name)));
    this.middles = new Map(this.names.map((name, k) => [name, middles[k]]));
    this.labels.replaceChildren(...this.names.map((name, k) => {
      const made = button(name, t("map.go", { name }), () => this.go(middles[k]));
      made.style.setProperty("--hue", hue(k));
      return made;
    }));
    this.asked = null;
    this.moved();
    this.forget();
  }

  buildEmbedding({ map_2d: places, latents, labels }) {
    this.axes.replaceChildren();
    [this.points, this.rows, this.owners] = [places, latents, labels];
  }

  /** Without a map of what was learnt: two latents, with the instrument's sounds as pins. */
  buildPlane(card) {
    if (!this.axes.children.length) {
      this.axes.append(...["map.across", "map.up"].map((name, k) => this.axis(name, Math.min(k, this.targets.length - 1))));
    }
    const [x, y] = this.planeAxes();
    const pins = card.sounds.filter((sound) => sound.positions?.length === this.targets.length);
    const names = pins.map((sound) => sound.name);
    [this.rows, this.owners] = [pins.map((sound) => sound.positions), names];
    this.points = this.rows.map((row) => [row[x], row[y]]);
    if (!pins.length) [this.points, this.rows, this.owners] = [[[0.5, 0.5]], [this.targets.map(() => 0.5)], [" "]];
  }

  axis(name, chosen) {
    const options = this.targets.map((target, k) => make("option", { value: k, selected: k === chosen }, targetName(target)));
    return make("label", {}, t(name), " ", make("select", { change: () => this.build() }, ...options));
  }

  planeAxes() {
    return [...this.axes.querySelectorAll("select")].map((each) => Number(each.value));
  }

  // --- the sound's place ---

  row() {
    return this.targets.map((target) => play.positions.get(target));
  }

  /** Where the sound is: where it was dragged to, or else, once its latents have moved, where its nearest frames are. */
  moved() {
    if (!this.points || !this.width) return;
    const row = this.row();
    if (this.asked && row.every((at, k) => Math.abs(at - this.asked.row[k]) < SAME)) this.place = this.asked.place;
    else if (this.isPlane) this.place = this.planeAxes().map((k) => row[k]);
    else this.place = blend(this.points, nearest(this.rows, row));
    this.say(shares(this.owners, nearest(this.rows, row)));
    this.draw();
  }

  say(found) {
    const text = JSON.stringify(found.slice(0, 3).map(([name, share]) => [name, Math.round(20 * share)]));
    if (this.said === text) return;
    this.said = text;
    const rows = found.slice(0, 3).map(([name, share]) => {
      const row = make("li", {}, make("span", {}, name), make("span", {}, `${number(100 * share)} %`));
      row.style.setProperty("--hue", hue(this.names?.indexOf(name) ?? 0));
      row.style.setProperty("--share", share);
      return row;
    });
    this.near.replaceChildren(...rows);
  }

  go(place) {
    const at = place.map((x) => Math.min(1, Math.max(0, x)));
    const moves = {};
    if (this.isPlane) this.planeAxes().forEach((k, d) => (moves[this.targets[k]] = at[d]));
    else blend(this.rows, nearest(this.points, at)).forEach((x, k) => (moves[this.targets[k]] = x));
    const row = this.row();
    this.targets.forEach((target, k) => target in moves && (row[k] = moves[target]));
    this.asked = { place: at, row };
    play.move(moves);
  }

  // --- hands ---

  take(event) {
    if (event.button > 0 || !this.points) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.isDragged = true;
    this.sound();
    this.drag(event);
  }

  drag(event) {
    if (!this.isDragged) return;
    const { left, top } = this.canvas.getBoundingClientRect();
    this.go(this.toPlace(event.clientX - left, event.clientY - top));
  }

  step(event) {
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in steps) || !this.place) return;
    event.preventDefault();
    this.sound();
    const by = event.shiftKey ? 4 * STEP : STEP;
    this.go(this.place.map((x, d) => x + by * steps[event.key][d]));
  }

  sound() {
    if (this.plays.checked && !notes.hands.size) notes.press(DRAG_NOTE, DRAG_HAND);
  }

  leave() {
    this.isDragged = false;
    notes.releaseAll(DRAG_HAND);
  }

  // --- the picture ---

  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas, dense = Math.min(2, devicePixelRatio);
    [this.canvas.width, this.canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
    [this.width, this.height, this.dense] = [width, height, dense];
    if (width && this.points) this.moved(); // what moved while this part was hidden
    this.forget();
  }

  /** Paint all anew at the next picture; else only the grip has moved. */
  forget() {
    this.ground = null;
    this.draw();
  }

  toPixel([x, y]) {
    return [EDGE_PX + x * (this.width - 2 * EDGE_PX), this.height - EDGE_PX - y * (this.height - 2 * EDGE_PX)];
  }

  toPlace(px, py) {
    return [(px - EDGE_PX) / (this.width - 2 * EDGE_PX), (this.height - EDGE_PX - py) / (this.height - 2 * EDGE_PX)];
  }

  paint() {
    const pen = this.canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.points || !this.width) return;
    const style = getComputedStyle(this);
    this.ground ??= this.paintGround(style);
    pen.drawImage(this.ground, 0, 0);
    pen.scale(this.dense, this.dense);
    this.paintGrip(pen, style);
  }

  /** All but the grip, painted once for each size and set of colours. */
  paintGround(style) {
    const ground = make("canvas", { width: this.canvas.width, height: this.canvas.height }), pen = ground.getContext("2d");
    pen.scale(this.dense, this.dense);
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const tint = (k, alpha) => `oklch(${isDark ? 0.78 : 0.56} 0.13 ${hue(k)} / ${alpha})`;
    const number = new Map(this.names.map((name, k) => [name, k]));
    this.paintDensity(pen, (k, share) => tint(number.get(this.owners[k]), share * (isDark ? 0.1 : 0.12)));
    this.points.forEach((point, k) => dot(pen, this.toPixel(point), this.isPlane ? 6 : POINT_PX, tint(number.get(this.owners[k]), 0.9)));
    this.paintNames(pen, style);
    return ground;
  }

  /** Soft discs that add up: where much was learnt, the paper is coloured. */
  paintDensity(pen, tint) {
    const radius = Math.min(this.width, this.height) / 14;
    this.points.forEach((point, k) => {
      const [x, y] = this.toPixel(point), fade = pen.createRadialGradient(x, y, 0, x, y, radius);
      fade.addColorStop(0, tint(k, 1));
      fade.addColorStop(1, tint(k, 0));
      pen.fillStyle = fade;
      pen.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    });
  }

  /** The labels, each at its middle, as far as they do not lie on one another. */
  paintNames(pen, style) {
    pen.font = `600 13px ${style.fontFamily}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    const taken = [];
    for (const [name, middle] of this.middles) {
      const half = pen.measureText(name).width / 2 + 3;
      let [x, y] = this.toPixel(middle);
      x = Math.min(this.width - half - 2, Math.max(half + 2, x));
      y -= 13;
      if (taken.some((box) => Math.abs(box.x - x) < box.half + half && Math.abs(box.y - y) < 16)) continue;
      taken.push({ x, y, half });
      pen.strokeStyle = style.getPropertyValue("--paper");
      pen.lineWidth = 4;
      pen.strokeText(name, x, y);
      pen.fillStyle = style.getPropertyValue("--ink");
      pen.fillText(name, x, y);
    }
  }

  paintGrip(pen, style) {
    if (!this.place) return;
    const [x, y] = this.toPixel(this.place);
    pen.beginPath();
    pen.arc(x, y, GRIP_PX, 0, 7);
    pen.fillStyle = style.getPropertyValue("--grip");
    pen.fill();
    pen.lineWidth = 3;
    pen.strokeStyle = style.getPropertyValue("--ink");
    pen.stroke();
    dot(pen, [x, y], 3, style.getPropertyValue("--ink"));
  }
}
customElements.define("tb-map", SoundMap);

/** A hue for each label, far from those of its neighbours in the list. */
function hue(k) {
  return Math.round((k * 137.5 + 25) % 360);
}

function dot(pen, [x, y], radius, colour) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = colour;
  pen.fill();
}
