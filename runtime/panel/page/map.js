// The map: learned frames as points, sounds as pins, the playing sound's place as a ring, and a modulated note's trail.
import { atNextPicture, button, make } from "/make.js";
import { notes } from "/notes.js";
import { Path } from "/path.js";
import { Pins } from "/pins.js";
import { play } from "/play.js";
import { Plane, Sheet, middleOf } from "/sheet.js";
import { Slider } from "/slider.js";
import { Trail } from "/trail.js";
import { number, t, targetName } from "/words.js";

const EDGE_PX = 26, POINT_PX = 3.2, GRIP_PX = 13;
const STEP = 0.02;
const DRAG_HAND = "map", DRAG_NOTE = 60;
const SAME = 1e-3;
const MOVED_PX = 4; // a press that goes no farther is a click
const LEAST_SHARE = 0.01; // of a sound near the ring, to be listed
const HELD_MS = 350; // holding a pin this long plays a note

class SoundMap extends HTMLElement {
  connectedCallback() {
    this.draw = atNextPicture(() => this.paint());
    this.trail = new Trail();
    this.ground = make("canvas", { class: "ground", "aria-hidden": "true" });
    this.line = make("canvas", { class: "ground", "aria-hidden": "true" }); // the path, below the pins and their names
    this.canvas = make("canvas", {
      tabindex: 0, role: "application", "aria-label": t("map.place"), "aria-describedby": "map-how",
      pointerdown: (event) => this.take(event), pointermove: (event) => this.drag(event),
      pointerup: (event) => this.drop(event), pointercancel: () => this.leave(), keydown: (event) => this.step(event),
      pointerleave: () => this.pins.point(null),
      keyup: () => this.leave(), blur: () => this.leave(),
    });
    this.plays = make("input", { type: "checkbox", id: "map-note" });
    this.plays.checked = true;
    this.pins = new Pins(this);
    this.path = new Path(this);
    this.near = make("ol", { class: "near" });
    this.between = make("p", { class: "between" });
    this.axes = make("div", { class: "axes" });
    this.colours = make("select", { id: "map-colour", change: () => this.recolour() });
    this.labels = make("div", { class: "labels" });
    this.trailKey = make("p", { class: "hint trail", hidden: true }, t("map.trail"));
    this.how = make("p", { id: "map-how" });
    this.append(
      make("div", { class: "sheet" }, this.ground, this.line, this.canvas, this.pins.layer),
      make("div", { class: "legend" },
        make("h2", {}, t("map")), this.how, this.axes,
        make("div", { class: "nearby" }, make("h3", {}, t("map.near")),
          make("div", { "aria-live": "polite" }, this.near, this.between), make("p", { class: "hint" }, t("map.shares"))),
        make("label", { class: "check", for: "map-note" }, this.plays, t("map.note")),
        make("label", { class: "check", for: "map-colour" }, t("map.colour"), this.colours), this.labels,
        this.path.element, this.trailKey), // what comes and goes is at the end, so that nothing else is moved
    );
    new ResizeObserver(() => this.fit()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.forget());
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
    this.names = [...new Set(this.owners)];
    this.hues = new Map(this.names.map((name, k) => [name, hue(k)]));
    this.buildColours();
    this.path.morph.replaceChildren(...(play.positions.has("morph") ? [Slider.for("morph", false, "map-at")] : []));
    this.trail?.clear();
    this.trailKey.hidden = !this.movesByItself();
    if (this.isPlane || this.builtFor !== card) this.asked = null; // otherwise the ring stays where the user dragged it
    this.builtFor = card;
    this.heard = null;
    this.moved();
    this.forget();
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
      made.style.setProperty("--hue", hue([...new Set(labels)].indexOf(name)));
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

  buildColours() {
    const kinds = ["", ...this.targets], chosen = this.colours.value;
    this.colours.replaceChildren(...kinds.map((target) =>
      make("option", { value: target, selected: target === chosen }, target ? targetName(target) : t("map.bysound"))));
  }

  recolour() {
    this.forget();
    this.draw();
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

  hueOf(name) {
    return this.hues?.get(name) ?? 0;
  }

  /** Find the sound's place: where the user dragged it or, once its latents have moved, on its path or near its frames. */
  moved() {
    if (!this.sheet || !this.width || !this.isOpen) return;
    const row = this.row();
    if (this.asked && row.every((at, k) => Math.abs(at - this.asked.row[k]) < SAME)) this.place = this.asked.place;
    else this.place = this.path.placeOf(row) ?? this.placeOf(row);
    this.say(this.sheet.around(this.place), this.sheet.between(this.place, play.sound), this.sheet.pinAt(this.place));
    this.draw();
  }

  /** Show the place of the newest note, if the note moves by itself. */
  follow(latents) {
    const heard = latents.length && this.sheet && !this.trailKey.hidden ? latents.join() : "";
    if (heard !== this.heard) this.heardAt = heard ? this.whereNow([...latents].map((step) => step / 255)) : null;
    this.heard = heard;
    if (this.trail.follow(this.heardAt, this.place)) this.draw();
  }

  /** Whether a note of the sound is heard elsewhere than at the ring. */
  movesByItself() {
    const { trajectory, modulation = [] } = play.state?.sound ?? {};
    return Boolean(trajectory) || modulation.some(({ target }) => target.startsWith("latent."));
  }

  whereNow(row) {
    return this.trail.places.length && this.heardAt ? this.sheet.follow(row, this.heardAt) : this.placeOf(row);
  }

  /** Say which sounds' pins are around the ring, and which pairs it is between or at which pin it is. */
  say(around, pairs, at) {
    const text = JSON.stringify([around.map(([name, share]) => [name, Math.round(20 * share)]), pairs, at]);
    if (this.said === text) return;
    this.said = text;
    const rows = around.filter(([, share]) => share >= LEAST_SHARE).map(([name, share]) => {
      const row = make("li", {}, make("span", {}, name), make("span", {}, `${number(100 * share)} %`));
      row.style.setProperty("--share", share);
      return row;
    });
    this.near.replaceChildren(...rows);
    // Two pins may have the ring between them while a third one is nearer.
    const nearest = around.slice(0, 2).map(([name]) => name), isNearest = (pair) => pair.every((name) => nearest.includes(name));
    const texts = at ? [t("map.at", { name: at })] : pairs.map(([a, b]) => t(isNearest([a, b]) ? "map.between" : "map.halfway", { a, b }));
    this.between.replaceChildren(...texts.map((each) => make("span", {}, each)));
    this.pins.mark();
  }

  go(place) {
    const at = place.map((x) => Math.min(1, Math.max(0, x))), row = this.sheet.at(at, this.row());
    this.asked = { place: at, row };
    play.move(Object.fromEntries(this.targets.map((target, k) => [target, row[k]])));
  }

  // --- hands ---

  take(event) {
    if (event.button > 0 || !this.sheet) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.isDragged = true;
    if (this.path.isOn) this.path.begin(this.placeAt(event));
    const spot = this.spotOf(event), onRing = this.isOnRing(spot), pin = this.path.isOn ? null : this.pins.at(spot);
    this.pressed = pin || (onRing && !this.path.isOn) ? { spot, pin } : null;
    if (this.pressed && !onRing) this.timer = setTimeout(() => this.hear(pin), HELD_MS);
    else this.sound();
    if (!this.pressed) this.drag(event);
  }

  drag(event) {
    if (!this.isDragged) return this.pins.point(this.path.isOn ? null : this.pins.at(this.spotOf(event)));
    if (this.pressed) {
      const [x, y] = this.spotOf(event), [u, v] = this.pressed.spot;
      if (Math.hypot(x - u, y - v) < MOVED_PX) return; // it may be a click on a pin
      this.pressed = null;
      clearTimeout(this.timer);
      this.sound();
    }
    if (this.path.isOn) this.path.add(this.placeAt(event));
    this.go(this.placeAt(event));
  }

  drop(event) {
    const pin = this.pressed?.pin;
    if (pin && event.button === 0) this.pins.choose(pin);
    this.leave();
  }

  /** Choose a held pin's sound, and play it. */
  async hear(pin) {
    const { pressed } = this;
    await this.pins.choose(pin);
    if (this.pressed !== pressed || !pressed) return;
    pressed.pin = null; // so that a release does not choose it again
    this.sound();
  }

  isOnRing([x, y]) {
    const [u, v] = this.place ? this.toPixel(this.place) : [Infinity, Infinity];
    return Math.hypot(x - u, y - v) <= GRIP_PX + MOVED_PX;
  }

  /** The place of a pointer on the map, in pixels. */
  spotOf(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  placeAt(event) {
    return this.toPlace(...this.spotOf(event));
  }

  step(event) {
    if (event.key === "Enter" && this.path.isOn && this.place) this.path.addPoint(this.place);
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in steps) || !this.place) return;
    event.preventDefault();
    this.sound();
    const by = event.shiftKey ? 4 * STEP : STEP;
    this.go(this.place.map((x, d) => x + by * steps[event.key][d]));
  }

  sound() {
    if (this.plays.checked && !notes.hands.size && !notes.theirs.size) notes.press(DRAG_NOTE, DRAG_HAND);
  }

  leave() {
    if (this.isDragged && this.path.isOn) this.path.end();
    this.isDragged = false;
    this.pressed = null;
    clearTimeout(this.timer);
    notes.releaseAll(DRAG_HAND);
  }

  // --- the picture ---

  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas, dense = Math.min(2, devicePixelRatio);
    if (!width || (width === this.width && height === this.height)) return;
    [this.width, this.height, this.dense] = [width, height, dense];
    for (const canvas of [this.canvas, this.ground, this.line]) [canvas.width, canvas.height] = [width * dense, height * dense];
    this.forget();
    this.moved();
    this.pins.lay();
  }

  forget() {
    this.isStale = true;
    this.draw();
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
    if (this.isStale) this.paintGround();
    const pen = cleared(this.canvas, this.dense);
    const line = cleared(this.line, this.dense);
    if (!this.sheet) return;
    this.path.paint(line, style);
    if (!this.isDragged && !this.path.isOn) this.trail.paint(pen, (place) => this.toPixel(place), style.getPropertyValue("--accent"));
    this.paintGrip(pen, style);
  }

  /** Paint the learned frames; needed once for each size and set of colours. */
  paintGround() {
    this.isStale = false;
    const pen = cleared(this.ground, this.dense);
    if (!this.sheet) return;
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const tint = this.tints(isDark);
    const radius = Math.min(this.width, this.height) / 14;
    // Soft discs add up, so that the colour is strong where many frames were learned.
    this.points.forEach((point, k) => {
      const [x, y] = this.toPixel(point), fade = pen.createRadialGradient(x, y, 0, x, y, radius);
      fade.addColorStop(0, tint(k, isDark ? 0.1 : 0.12));
      fade.addColorStop(1, tint(k, 0));
      pen.fillStyle = fade;
      pen.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    });
    if (!this.isPlane) this.points.forEach((point, k) => dot(pen, this.toPixel(point), POINT_PX, tint(k, 0.9)));
  }

  /** Return the colour of each point, from the point's sound or from the value of one latent. */
  tints(isDark) {
    const latent = this.targets.indexOf(this.colours.value);
    if (latent < 0) return (k, alpha) => `oklch(${isDark ? 0.78 : 0.56} 0.13 ${this.hueOf(this.owners[k])} / ${alpha})`;
    return (k, alpha) => {
      const at = this.rows[k][latent];
      return `oklch(${isDark ? 0.5 + 0.4 * at : 0.75 - 0.4 * at} 0.14 ${270 - 220 * at} / ${alpha})`;
    };
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

/** A hue for label k, far from the hues of its neighbours in the list. */
function hue(k) {
  return Math.round((k * 137.5 + 25) % 360);
}

function cleared(canvas, dense) {
  const pen = canvas.getContext("2d");
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  return pen;
}

function dot(pen, [x, y], radius, colour) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = colour;
  pen.fill();
}
