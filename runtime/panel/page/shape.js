// Play: the latents, the twelve notes, and the sound's other targets in groups.
import { Envelope } from "/envelope.js";
import { button, make } from "/make.js";
import { notes } from "/notes.js";
import "/picture.js";
import { play } from "/play.js";
import { Slider } from "/slider.js";
import { number, pitchName, t } from "/words.js";

const GROUPS = {
  tone: ["phase_blend", "bandwidth", "width"],
  filter: ["filter.cutoff", "filter.resonance"],
  colour: ["tilt", "odd_even", "formant"],
  envelope: ["envelope.attack", "envelope.decay", "envelope.sustain", "envelope.release"],
  motion: ["portamento", "vibrato.depth", "vibrato.rate", "lfo_1.rate", "lfo_2.rate"],
  place: ["level", "pan", "reverb", "chorus"],
  morph: ["morph", "morph.x", "morph.y"],
};
const ABOVE = new Set(["level"]); // the volume is at the top of the page
const CHROMA_HAND = "chroma";

class Shape extends HTMLElement {
  connectedCallback() {
    this.picture = make("tb-picture", { class: "group" });
    this.partName = make("p", { class: "hint part-name", hidden: true });
    play.addEventListener("present", () => this.build());
    this.build();
  }

  set open(isOpen) {
    this.picture.open = isOpen;
  }

  build() {
    if (this.built === this.targetNames()) return this.showAll();
    this.built = this.targetNames();
    const latents = play.targets.filter((target) => target.startsWith("latent."));
    const grouped = new Set([...latents, ...Object.values(GROUPS).flat()]);
    const more = play.targets.filter((target) => !grouped.has(target));
    const groups = Object.entries(GROUPS).map(([name, targets]) => group(name, targets.filter(shown)));
    this.replaceChildren(
      this.picture, this.partName,
      make("div", { class: "heart" },
        make("fieldset", { class: "group latents" }, make("legend", {}, t("latents")),
          make("div", { class: "row" }, ...latents.map((target) => Slider.for(target, true)))),
        make("tb-chroma", { class: "group" })),
      make("div", { class: "groups" },
        make("div", { class: "others" }, ...groups.filter((each) => each && !isEnvelope(each)), more.length ? group("more", more) : ""),
        ...groups.filter((each) => each && isEnvelope(each))),
    );
    this.namePart();
  }

  /** Of a sound with several parts, the sliders move the first one. */
  namePart() {
    const [first] = play.parts;
    this.partName.hidden = !first;
    this.partName.textContent = first ? t("shape.part", { name: first.sound }) : "";
  }

  targetNames() {
    return JSON.stringify([play.targets, play.ranges]);
  }

  showAll() {
    this.namePart();
    for (const each of this.querySelectorAll("tb-slider, tb-envelope")) each.show();
  }
}
customElements.define("tb-shape", Shape);

function isEnvelope(made) {
  return made.classList.contains("envelope");
}

function shown(target) {
  return play.positions.has(target) && !ABOVE.has(target);
}

function group(name, targets) {
  if (!targets.length) return null;
  const picture = name === "envelope" && targets.length === 4 ? [new Envelope()] : [];
  const sliders = targets.map((target) => Slider.for(target));
  return make("fieldset", { class: `group ${name}` }, make("legend", {}, t(`group.${name}`)), ...picture, ...sliders);
}

/** Twelve buttons, one for each pitch class; with hold, one note at a time stays on. */
class Chroma extends HTMLElement {
  connectedCallback() {
    this.octave = 4;
    this.hold = false;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", t("chroma"));
    this.holds = button(t("chroma.hold"), t("chroma.hold.long"), () => this.setHold(!this.hold), { "aria-pressed": "false" });
    this.octaveName = make("span", { class: "range", "aria-live": "polite" });
    this.buttons = Array.from({ length: 12 }, (_, chroma) => this.button(chroma));
    this.append(
      make("div", { class: "bar" },
        make("h2", {}, t("chroma")),
        button("−", t("keys.lower"), () => this.shift(-1), { class: "round" }), this.octaveName,
        button("+", t("keys.higher"), () => this.shift(1), { class: "round" }), this.holds),
      make("div", { class: "twelve" }, ...this.buttons),
    );
    this.change = () => this.show();
    this.panic = () => this.setHold(false);
    notes.addEventListener("change", this.change);
    notes.addEventListener("panic", this.panic);
    this.shift(0);
  }

  disconnectedCallback() {
    notes.removeEventListener("change", this.change);
    notes.removeEventListener("panic", this.panic);
    notes.releaseAll(CHROMA_HAND);
  }

  button(chroma) {
    const begin = () => this.begin(chroma), end = () => this.end(chroma);
    const isKey = (event) => event.key === " " || event.key === "Enter";
    const made = make("button", {
      type: "button", "aria-pressed": "false", pointerdown: begin, pointerup: end, pointercancel: end, pointerleave: end,
      blur: end, contextmenu: (event) => event.preventDefault(),
      keydown: (event) => isKey(event) && !event.repeat && begin(), keyup: (event) => isKey(event) && end(),
    }, pitchName(chroma));
    made.style.setProperty("--hue", 30 * chroma);
    return made;
  }

  begin(chroma) {
    const note = this.note(chroma), wasOn = notes.holds(note, CHROMA_HAND);
    if (this.hold) notes.releaseAll(CHROMA_HAND);
    if (!this.hold || !wasOn) notes.press(note, CHROMA_HAND);
  }

  end(chroma) {
    if (!this.hold) notes.release(this.note(chroma), CHROMA_HAND);
  }

  setHold(isOn) {
    this.hold = isOn;
    this.holds.setAttribute("aria-pressed", isOn);
    if (!isOn) notes.releaseAll(CHROMA_HAND);
  }

  shift(by) {
    const octave = Math.min(8, Math.max(0, this.octave + by));
    const held = this.buttons.findIndex((_, chroma) => notes.holds(this.note(chroma), CHROMA_HAND));
    notes.releaseAll(CHROMA_HAND);
    this.octave = octave;
    if (held >= 0 && this.hold) notes.press(this.note(held), CHROMA_HAND);
    this.octaveName.textContent = t("chroma.octave", { n: number(octave) });
  }

  note(chroma) {
    return 12 * (this.octave + 1) + chroma;
  }

  show() {
    this.buttons.forEach((each, chroma) => {
      each.setAttribute("aria-pressed", notes.isOn(this.note(chroma)) || notes.hears(chroma));
    });
  }
}
customElements.define("tb-chroma", Chroma);
