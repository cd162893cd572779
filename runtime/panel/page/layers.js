// Layers and splits: up to four parts, each a sound with its keys, velocities, channel, level and pan; saved as one sound.
import { complain, toast } from "/head.js";
import { leaving, stays } from "/leaving.js";
import { button, make } from "/make.js";
import { play } from "/play.js";
import { shelf } from "/shelf.js";
import { handOver, noteName, t } from "/words.js";

const MOST_PARTS = 4, LOWEST_DB = -60;
const HEARD_MS = 5000;
const REST = ["instrument", "velocity", "transpose", "level_db", "pan", "send", "channel"]; // the folded fields
const KEPT = "timbrebox.sounds";
const NEW = { sound: "", instrument: "", channel: "", keys: [0, 127], velocity: [1, 127], transpose: 0, level_db: 0, pan: 0, send: 1 };

class Layers extends HTMLElement {
  connectedCallback() {
    this.parts = [];
    this.unfolded = new WeakMap(); // part: whether the user has unfolded the rest
    this.name = make("input", { id: "layers-name", required: true, maxlength: 100, autocomplete: "off" });
    this.list = make("div", { class: "parts" });
    this.known = make("datalist", { id: "layers-known" });
    this.more = button(t("layers.add"), t("layers.add"), () => this.add());
    this.form = make("form", { class: "layers", submit: (event) => this.save(event) },
      make("label", { for: "layers-name" }, t("layers.name")), this.name, this.list, this.known,
      make("div", { class: "buttons" }, this.more, make("button", { class: "main" }, t("layers.save"))));
    this.whole = make("details", { class: "card" }, make("summary", {}, t("layers")), make("p", { class: "hint" }, t("layers.how")), this.form);
    this.whole.addEventListener("toggle", () => this.unfold());
    this.append(this.whole);
    play.addEventListener("present", () => remember());
    remember();
    handOver("layers", () => ({ name: this.name.value, parts: this.parts, isOpen: this.whole.open }), (kept) => this.takeBack(kept));
  }

  /** Show the whole form, down to its button. */
  unfold() {
    if (!this.whole.open) return;
    if (!this.parts.length) this.begin();
    this.form.scrollIntoView({ block: "nearest" });
  }

  /** Begin a new sound: two parts, split at middle C. */
  begin() {
    this.name.value = t("layers.default");
    this.parts = [{ ...NEW, sound: play.state?.sound?.name ?? "", keys: [0, 59] }, { ...NEW, keys: [60, 127] }];
    this.show();
  }

  takeBack({ name, parts, isOpen }) {
    this.name.value = name;
    this.parts = parts;
    this.show();
    this.whole.open = isOpen;
  }

  /** Edit the parts of one of the user's sounds; a sound without parts becomes the first part of a new sound. */
  async edit(name) {
    try {
      const { parts } = await shelf.tree(name);
      this.name.value = parts ? name : t("layers.default");
      this.parts = parts ? parts.map((part) => ({ ...NEW, ...part })) : [{ ...NEW, sound: name }];
      this.show();
      this.whole.open = true;
      this.whole.scrollIntoView({ block: "nearest" });
      this.name.focus({ preventScroll: true });
    } catch (error) {
      complain(error);
    }
  }

  /** Whether there are two parts, the first of them for the left hand and the other one for the right. */
  isByHand() {
    const [left, right] = this.parts;
    return this.parts.length === 2 && left.keys[0] === 0 && right.keys[1] === 127 && left.keys[1] < 127 && right.keys[0] > 0;
  }

  /** Set the lowest (0) or the highest (1) key of a part; if the other hand begins beside it, it goes on beginning there. */
  setEnd(part, k, note) {
    const before = part.keys[k], step = k ? 1 : -1, other = this.isByHand() && this.parts.find((each) => each !== part);
    part.keys = part.keys.with(k, note);
    if (other && other.keys[1 - k] === before + step) other.keys = other.keys.with(1 - k, Math.min(127, Math.max(0, note + step)));
    const fields = () => [...this.list.querySelectorAll("input, select")], at = fields().indexOf(document.activeElement);
    this.show();
    fields()[at]?.focus();
  }

  add() {
    this.parts.push({ ...NEW });
    this.show();
  }

  show() {
    this.known.replaceChildren(...[...new Set([...shelf.own.map(({ name }) => name), ...Object.values(remembered()).flat()])].map((name) => make("option", { value: name })));
    this.list.replaceChildren(...this.parts.map((part, k) => this.part(part, k)));
    this.more.disabled = this.parts.length >= MOST_PARTS;
  }

  part(part, k) {
    const field = (name, control) => make("label", {}, make("span", {}, t(`layers.${name}`)), control);
    const set = (name, value) => (part[name] = value);
    const number = (name, min, max, step = 1) => field(name, make("input", {
      type: "number", min, max, step, value: part[name], required: true, input: (event) => set(name, Number(event.target.value)) }));
    const pick = (name, options, chosen, change) => field(name, make("select", { change: (event) => change(event.target.value) },
      ...options.map(([value, text]) => make("option", { value, selected: String(value) === String(chosen) }, text))));
    const keys = Array.from({ length: 128 }, (_, note) => [note, noteName(note)]);
    const end = (k) => (value) => this.setEnd(part, k, Number(value));
    const ends = [pick("lowest", keys, part.keys[0], end(0)), pick("highest", keys, part.keys[1], end(1))];
    const hand = this.isByHand() ? ["left", "right"][k] : null; // then one end is enough, and the other one is folded
    const shown = hand ? [pick(hand, keys, part.keys[1 - k], end(1 - k))] : ends;
    return make("fieldset", { class: "part" },
      make("legend", {}, t("layers.part", { n: k + 1 })),
      field("sound", make("input", { list: "layers-known", value: part.sound, required: true, autocomplete: "off", input: (event) => set("sound", event.target.value) })),
      ...shown,
      this.rest(part, ...(hand ? [ends[k]] : []), pick("instrument", [["", t("layers.any")], ...play.instruments.map((name) => [name, name])], part.instrument, (value) => set("instrument", value)),
        field("softest", velocity(part, 0)), field("hardest", velocity(part, 1)),
        number("transpose", -48, 48), number("level_db", LOWEST_DB, 12, 0.5), number("pan", -1, 1, 0.05), number("send", 0, 1, 0.05),
        pick("channel", [["", t("layers.all")], ...Array.from({ length: 16 }, (_, c) => [c + 1, c + 1])], part.channel, (value) => set("channel", value)),
        button(t("layers.remove"), t("layers.remove.long", { n: k + 1 }), () => { this.parts.splice(k, 1); this.show(); })));
  }

  /** The fields that few parts need, folded unless one of them is set. */
  rest(part, ...fields) {
    const isOpen = this.unfolded.get(part) ?? REST.some((name) => JSON.stringify(part[name]) !== JSON.stringify(NEW[name]));
    const made = make("details", { class: "rest", open: isOpen, toggle: () => this.unfolded.set(part, made.open) },
      make("summary", {}, t("layers.rest")), make("div", {}, ...fields));
    made.addEventListener("invalid", () => (made.open = true), true); // a browser cannot show what is wrong in a folded field
    return made;
  }

  async save(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (!name || !this.parts.length) return;
    try {
      const back = await leaving(); // before the news that a sound is saved, which ends the changes
      await play.ask("sounds.write", { name, tree: { sound_version: 1, name, parts: this.parts.map(said) } });
      shelf.trees.delete(name);
      await play.ask("sound", { name });
      const isHeard = await play.until(() => play.sound === name, HEARD_MS);
      toast([t(isHeard ? "layers.saved" : "layers.kept", { name }), isHeard && stays(name)].filter(Boolean).join(" "), back && { ...back, text: t("left.back.of", { name: back.name }) });
      this.form.scrollIntoView({ block: "nearest" }); // the keyboard may have become higher
    } catch (error) {
      complain(error);
    }
  }
}
customElements.define("tb-layers", Layers);

function velocity(part, k) {
  return make("input", { type: "number", min: 1, max: 127, value: part.velocity[k], required: true, input: (event) => (part.velocity = part.velocity.with(k, Number(event.target.value))) });
}

/** A part as in a sound's file: only the fields that differ from a new part. */
function said(part) {
  const found = Object.entries(part).filter(([name, value]) => name === "sound" || JSON.stringify(value) !== JSON.stringify(NEW[name]));
  return Object.fromEntries(found.map(([name, value]) => [name, name === "channel" ? Number(value) : value]));
}

/** The names of the sounds of each instrument that this browser has seen, as choices for parts. */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

function remember() {
  if (!play.card) return;
  try {
    const names = play.card.sounds.map(({ name }) => name).filter(Boolean);
    localStorage.setItem(KEPT, JSON.stringify({ ...remembered(), [play.card.instrument]: names }));
  } catch {
    // the browser forbids storage
  }
}
