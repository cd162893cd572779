// A path over the map: drawn, reduced to a few places, and saved as a sound that morphs along the path.
import { complain, toast } from "/head.js";
import { button, make } from "/make.js";
import { play } from "/play.js";
import { Walker } from "/walker.js";
import { t } from "/words.js";

const N_PLACES = 8; // as many as a morph can have
const N_BETWEEN = 12; // a line that was drawn is remembered with so many places for each of the morph's
const KEPT = "timbrebox.paths", MOST_KEPT = 50;
const SAME = 0.02;
const LEAST_STEP = 0.008, LEAST_LENGTH = 0.04;

export class Path {
  /** map: the map for the path. Call `begin`, `add` and `end` for a pointer, or `addPoint` for points set by keys. */
  constructor(map) {
    this.map = map;
    this.places = [];
    this.isOn = false;
    this.starts = button(t("path.draw"), t("path.draw.long"), () => this.set(!this.isOn), { "aria-pressed": "false" });
    this.name = make("input", { id: "path-name", required: true, maxlength: 100, autocomplete: "off" });
    this.form = make("form", { class: "keep", hidden: true, submit: (event) => this.save(event) },
      make("label", { for: "path-name", class: "unseen" }, t("path.name")),
      make("div", {}, this.name, make("button", { class: "main" }, t("sounds.save")),
        button(t("path.discard"), t("path.discard"), () => this.set(false))));
    this.how = make("p", { class: "hint", role: "status" });
    this.walker = new Walker(map, "path-at", t("morph"), (share) => map.go(alongAll(this.line, share)));
    this.walker.element.hidden = true;
    this.morph = make("div", { class: "morph" }); // the playing sound's control Morph, if it has one
    this.element = make("div", { class: "path" }, this.starts, this.how, this.walker.element, this.morph, this.form);
  }

  set(isOn) {
    this.places = [];
    this.setDrawing(isOn);
    this.showForm(false);
    this.map.draw();
  }

  /** Begin or end to draw: after a stroke, a drag moves the ring again. */
  setDrawing(isOn) {
    this.isOn = isOn;
    this.starts.setAttribute("aria-pressed", isOn);
    this.map.canvas.classList.toggle("drawing", isOn);
  }

  /** Whether a path is being drawn, or a drawn one waits to be kept. */
  get isDrawing() {
    return this.isOn || this.places.length > 0;
  }

  begin(place) {
    this.places = [place]; // the form stays as it is until the line is drawn: nothing may move below the pointer
  }

  /** Show what is there once a line is drawn: the control Morph, and the form to keep the path. */
  showForm(isDrawn) {
    this.form.hidden = this.walker.element.hidden = !isDrawn;
    this.morph.hidden = isDrawn;
    const text = isDrawn ? "path.again" : "path.draw";
    this.starts.textContent = t(text);
    for (const name of ["aria-label", "title"]) this.starts.setAttribute(name, t(`${text}.long`));
    this.how.textContent = isDrawn ? t("path.drawn") : this.isOn ? t("path.how") : "";
  }

  /** The drawn line, as places at equal distances. */
  get line() {
    return thinned(this.places, N_BETWEEN * (N_PLACES - 1) + 1);
  }

  add(place) {
    const last = this.places.at(-1);
    if (!last || distance(last, place) >= LEAST_STEP) this.places.push(place);
    this.map.draw();
  }

  /** Add a point with a key; more may follow, so drawing goes on. */
  addPoint(place) {
    this.add(place);
    if (this.places.length > 1) this.ask();
  }

  /** End a stroke: one that is too short counts as none. */
  end() {
    if (lengthOf(this.places) < LEAST_LENGTH) return this.showForm(false);
    this.setDrawing(false);
    this.ask();
    this.map.draw();
  }

  /** Ask for a name after a line is drawn. */
  ask() {
    this.showForm(true);
    this.walker.at = 1; // the ring is at the line's end
    this.name.value = t("path.default", { name: play.sound ?? "" }).trim();
  }

  async save(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (!name) return;
    try {
      const places = thinned(this.places, N_PLACES), rows = places.map((place) => this.map.latentsAt(place));
      await play.ask("sounds.path", { name, places: rows, at: this.walker.at }); // so that nothing that is heard moves
      remember(rows, this.line);
      await play.ask("sound", { name });
      this.set(false);
      toast(t("path.saved", { name }));
    } catch (error) {
      complain(error);
    }
  }

  /** Draw the new path, or otherwise the playing sound's path. */
  paint(pen, style) {
    const isDrawn = this.places.length > 0;
    const places = isDrawn ? this.places : this.placesOfSound();
    if (places.length < 2) return;
    const pixels = places.map((place) => this.map.toPixel(place));
    pen.beginPath();
    for (const [x, y] of pixels) pen.lineTo(x, y);
    pen.lineJoin = pen.lineCap = "round";
    for (const [width, colour] of [[7, "--paper"], [3, "--warm"]]) {
      pen.lineWidth = width;
      pen.strokeStyle = style.getPropertyValue(colour);
      pen.stroke();
    }
    for (const [x, y] of [pixels[0], pixels.at(-1)]) {
      pen.beginPath();
      pen.arc(x, y, 5, 0, 7);
      pen.fillStyle = style.getPropertyValue("--warm");
      pen.fill();
    }
  }

  placesOfSound() {
    return this.ofSound().places;
  }

  /** The path of the playing sound: its latents and their places; empty if it has none. */
  ofSound() {
    const { sound } = play.state ?? {}, names = play.card?.latents ?? [], { sheet } = this.map;
    if (this.known?.sound === sound && this.known.sheet === sheet) return this.known;
    const sounds = sound?.morph?.sounds ?? [];
    const found = sounds.map((each) => (typeof each === "string" ? rowOfSound(each) : names.map((latent) => each[latent])));
    const rows = found.filter((row) => row?.every((at) => at !== undefined));
    const drawn = rows.length ? remembered()[keyOf(rows)] : null;
    return (this.known = { sound, sheet, rows, places: drawn ?? rows.map((row) => this.map.placeOf(row)) });
  }

  /** The place on the path at the position of the control Morph; null if the latents are not there. */
  placeOf(row) {
    const { rows, places } = this.ofSound(), morph = play.positions.get("morph");
    if (rows.length < 2 || morph === undefined) return null;
    return alongAll(rows, morph).every((x, d) => Math.abs(x - row[d]) < SAME) ? alongAll(places, morph) : null;
  }
}

/** What a list of rows has at a share of the way through it. */
function alongAll(rows, share) {
  const at = share * (rows.length - 1), k = Math.min(rows.length - 2, Math.floor(at));
  return rows[k].map((x, d) => x + (at - k) * (rows[k + 1][d] - x));
}

/** A path's latents as a key: a sound's file has them with other last digits. */
function keyOf(rows) {
  return rows.map((row) => row.map((at) => Math.round(1000 * at)).join()).join(" ");
}

/** The lines that were drawn in this browser: a sound has only a few of a line's places. */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

function remember(rows, places) {
  const round = (x) => Math.round(1e4 * x) / 1e4;
  const all = [...Object.entries(remembered()), [keyOf(rows.map((row) => Object.values(row))), places.map((place) => place.map(round))]];
  try {
    localStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(all.slice(-MOST_KEPT))));
  } catch {
    // the browser forbids storage
  }
}

function rowOfSound(name) {
  return play.card?.sounds.find((sound) => sound.name === name)?.positions;
}

function distance([x, y], [u, v]) {
  return Math.hypot(x - u, y - v);
}

function lengthOf(places) {
  return places.slice(1).reduce((sum, place, k) => sum + distance(places[k], place), 0);
}

/** n places along a path, at equal distances. */
export function thinned(places, n) {
  const whole = lengthOf(places), found = [];
  let k = 0, before = 0;
  for (let i = 0; i < n; i += 1) {
    const at = (whole * i) / (n - 1);
    while (k < places.length - 2 && before + distance(places[k], places[k + 1]) < at) before += distance(places[k], places[++k]);
    const step = distance(places[k], places[k + 1]) || 1, share = Math.min(1, (at - before) / step);
    found.push(places[k].map((x, d) => x + share * (places[k + 1][d] - x)));
  }
  return found;
}
