// The map: learned frames as points, sounds as pins, the playing sound's place as a ring, and a modulated note's trail.
import { Couple } from "/couple.js";
import { Grasp } from "/grasp.js";
import { Ground, cleared, dot } from "/ground.js";
import { atNextPicture, button, make } from "/make.js";
import { Path } from "/path.js";
import { Pins } from "/pins.js";
import { play } from "/play.js";
import { Reading } from "/reading.js";
import { Plane, Sheet, middleOf } from "/sheet.js";
import { Slider } from "/slider.js";
import { movesByItself, Signs } from "/signs.js";
import { Trail } from "/trail.js";
import { t, targetName } from "/words.js";

const EDGE_PX = 26, RING_PX = 13;
const SAME = 1e-3;

class SoundMap extends HTMLElement {
  connectedCallback() {
    this.draw = atNextPicture(() => this.paint());
    const plays = make("input", { type: "checkbox", id: "map-note" });
    plays.checked = true;
    this.grasp = new Grasp(this, plays);
    this.canvas = make("canvas", {
      tabindex: 0, role: "application", "aria-label": t("map.place"), "aria-describedby": "map-how", ...this.grasp.listeners,
    });
    this.line = make("canvas", { class: "ground", "aria-hidden": "true" }); // the lines, below the pins and their names
    this.ground = new Ground(this);
    this.trail = new Trail();
    this.pins = new Pins(this);
    this.path = new Path(this);
    this.couple = new Couple(this);
    this.reading = new Reading();
    this.axes = make("div", { class: "axes" });
    this.labels = make("div", { class: "labels" });
    this.signs = new Signs();
    this.how = make("p", { id: "map-how" });
    this.append(
      make("div", { class: "board" },
        make("div", { class: "sheet" }, this.ground.canvas, this.line, this.canvas, this.pins.layer), this.signs.element, this.path.element),
      make("div", { class: "legend" },
        make("h2", {}, t("map")), this.how, this.axes, this.couple.element, this.reading.element,
        make("label", { class: "check", for: "map-note" }, plays, t("map.note")), this.ground.choice, this.labels),
    );
    new ResizeObserver(() => this.fit()).observe(this.canvas);
    play.addEventListener("present", () => this.build());
    play.addEventListener("moved", () => this.moved());
    play.addEventListener("picture", ({ detail }) => this.isOpen && this.follow(detail.latents));
    this.build();
  }

  /** Called when the map is shown or hidden; while it is shown, it follows the newest note. */
  set open(isOpen) {
    this.isOpen = isOpen;
    this.trail?.clear();
    play.want("picture", this, isOpen);
    this.moved();
  }

  build() {
    const { card } = play;
    this.sheet = null;
    this.targets = play.targets.filter((target) => target.startsWith("latent."));
    if (!card || !this.targets.length) return this.draw();
    this.isPlane = !card.embedding;
    if (this.isPlane) this.buildPlane();
    else this.buildEmbedding(card.embedding);
    this.how.textContent = t(this.isPlane ? "map.plane" : "map.drag");
    this.ground.build(this.targets, this.owners);
    this.path.morph.replaceChildren(...(play.positions.has("morph") ? [Slider.for("morph", false, "map-at")] : []));
    this.trail?.clear();
    this.signs.show();
    if (this.isPlane || this.builtFor !== card) this.asked = null; // otherwise the ring stays where the user dragged it
    if (this.builtFor && this.builtFor !== card) this.path.set(false); // a line over another map
    this.builtFor = card;
    this.heard = null;
    this.moved();
    this.pins.build();
  }

  buildEmbedding({ map_2d: places, latents, labels }) {
    this.axes.replaceChildren();
    [this.points, this.rows, this.owners] = [places, latents, labels];
    const sounds = this.sounds(), names = [...new Set(labels)].filter((name) => !sounds.some((sound) => sound.name === name));
    if (this.builtFor !== play.card) this.learned = new Sheet(labels.map((name, k) => ({ name, place: places[k], row: latents[k] })), sounds);
    this.sheet = this.learned;
    // Sounds have pins; the other labels get buttons.
    this.labels.replaceChildren(...names.map((name) => {
      const made = button(name, t("map.go", { name }), () => this.go(middleOf(places.filter((_, k) => labels[k] === name))));
      made.style.setProperty("--hue", this.ground.hueOf(name));
      return made;
    }));
  }

  /** For an instrument without a map of learned frames: a plane of two latents, with sounds as pins. */
  buildPlane() {
    if (!this.axes.children.length) {
      this.axes.append(...["map.across", "map.up"].map((name, k) => this.axis(name, Math.min(k, this.targets.length - 1))));
    }
    const sounds = this.sounds();
    this.sheet = new Plane(this.planeAxes(), sounds);
    [this.rows, this.owners] = [sounds.map(({ row }) => row), sounds.map(({ name }) => name)];
    this.points = this.rows.map((row) => this.sheet.placeOf(row));
    this.labels.replaceChildren();
  }

  /** The instrument's sounds: name, and row of latents. */
  sounds() {
    return play.card.sounds.filter(({ name, positions }) => name && positions?.length === this.targets.length)
      .map(({ name, positions }) => ({ name, row: positions }));
  }

  axis(name, chosen) {
    const options = this.targets.map((target, k) => make("option", { value: k, selected: k === chosen }, targetName(target)));
    return make("label", {}, t(name), " ", make("select", { change: () => this.build() }, ...options));
  }

  planeAxes() {
    return [...this.axes.querySelectorAll("select")].map((each) => Number(each.value));
  }

  // --- places ---

  row() {
    return this.targets.map((target) => play.positions.get(target));
  }

  /** The place of latents on the map. */
  placeOf(row) {
    return this.sheet?.placeOf(row) ?? null;
  }

  /** The latents of a place, by the latents' names. */
  latentsAt(place) {
    const row = this.sheet.at(place, this.row());
    return Object.fromEntries(this.targets.map((target, k) => [target.slice("latent.".length), row[k]]));
  }

  /** Find the sound's place: where the user dragged it or, once its latents have moved, on its path or near its frames. */
  moved() {
    if (!this.sheet || !this.width || !this.isOpen) return;
    const row = this.row();
    if (this.asked && row.every((at, k) => Math.abs(at - this.asked.row[k]) < SAME)) this.place = this.asked.place;
    else this.place = this.path.placeOf(row) ?? this.placeOf(row);
    this.trail.tie(this.place);
    this.read();
    this.draw();
  }

  /** Say where the ring is; what the user chose to be between comes first. */
  read() {
    const chosen = this.couple.at(this.place);
    this.couple.show();
    this.reading.say(this.toPixel(this.place), this.pins.spots, this.couple.isBetween(chosen) ? chosen : null, play.sound);
    this.pins.mark();
  }

  /** Show the place of the newest note, if the note moves by itself. */
  follow(latents) {
    const heard = latents.length && this.sheet && movesByItself() ? latents.join() : "";
    if (heard !== this.heard) this.heardAt = heard ? this.whereNow([...latents].map((step) => step / 255)) : null;
    this.heard = heard;
    if (this.trail.follow(this.heardAt, this.place)) this.draw();
  }

  /** Whether a note of the sound is heard elsewhere than at the ring. */
  whereNow(row) {
    return this.trail.places.length && this.heardAt ? this.sheet.follow(row, this.heardAt) : this.placeOf(row);
  }

  go(place) {
    const at = place.map((x) => Math.min(1, Math.max(0, x))), row = this.sheet.at(at, this.row());
    this.asked = { place: at, row };
    play.move(Object.fromEntries(this.targets.map((target, k) => [target, row[k]])));
  }

  // --- the picture ---

  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas, dense = Math.min(2, devicePixelRatio);
    if (!width || (width === this.width && height === this.height)) return;
    [this.width, this.height, this.dense] = [width, height, dense];
    for (const canvas of [this.canvas, this.ground.canvas, this.line]) [canvas.width, canvas.height] = [width * dense, height * dense];
    this.ground.forget();
    this.pins.lay();
    this.moved();
  }

  toPixel([x, y]) {
    return [EDGE_PX + x * (this.width - 2 * EDGE_PX), this.height - EDGE_PX - y * (this.height - 2 * EDGE_PX)];
  }

  toPlace(left, top) {
    return [(left - EDGE_PX) / (this.width - 2 * EDGE_PX), (this.height - EDGE_PX - top) / (this.height - 2 * EDGE_PX)]
      .map((x) => Math.min(1, Math.max(0, x)));
  }

  paint() {
    if (!this.width) return;
    const style = getComputedStyle(this);
    this.ground.paint();
    const pen = cleared(this.canvas, this.dense), line = cleared(this.line, this.dense);
    if (!this.sheet) return;
    if (!this.path.isDrawing) this.couple.paint(line, style);
    this.path.paint(line, style);
    const isAlone = !this.grasp.isDragging && !this.path.isOn;
    this.paintRing(pen, style);
    this.trail.paint(line, pen, isAlone && this.place ? this.toPixel(this.place) : null, this, style);
  }

  paintRing(pen, style) {
    if (!this.place) return;
    const spot = this.toPixel(this.place), ink = style.getPropertyValue("--ink");
    dot(pen, spot, RING_PX, style.getPropertyValue("--grip"));
    pen.lineWidth = 3;
    pen.strokeStyle = ink;
    pen.stroke();
    dot(pen, spot, 3, ink);
  }
}
customElements.define("tb-map", SoundMap);
