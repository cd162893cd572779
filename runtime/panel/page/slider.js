// A slider for a target, with its name and its value in the target's unit: <tb-slider>.
import { bound, isLearned } from "/bound.js";
import { make } from "/make.js";
import { play } from "/play.js";
import { number, t, targetName } from "/words.js";

const STEP = 0.001;

/** The value of a target at its position, as people say it. */
export function valueText(target, position) {
  const { unit, lowest, highest } = play.rangeOf(target);
  const value = play.valueAt(target, position);
  if (target.startsWith("latent.")) return number(100 * value);
  if (unit === "" && lowest === 0 && highest === 1) return `${number(100 * value)} %`;
  if (target === "pan") {
    const n = number(Math.abs(100 * value));
    return Math.abs(value) < 0.005 ? t("pan.middle") : t(value < 0 ? "pan.left" : "pan.right", { n });
  }
  if (unit === "s") return value < 1 ? `${number(1000 * value)} ms` : `${number(value, 2)} s`;
  if (unit === "Hz" && value >= 1000) return `${number(value / 1000, value < 10000 ? 2 : 1)} kHz`;
  const digits = Math.abs(highest - lowest) >= 1000 ? 0 : Math.abs(value) < 10 ? 1 : 0;
  const sign = lowest < 0 && value > 0.05 ? "+" : "";
  return `${sign}${number(Math.abs(value) < 0.05 ? 0 : value, digits)} ${t(`unit.${unit}`).replace("unit.", "")}`.trim();
}

export class Slider extends HTMLElement {
  /** Make a slider for a target; isTall: vertical; idPrefix: keeps ids unique if a target has two sliders. */
  static for(target, isTall = false, idPrefix = "at") {
    const made = document.createElement("tb-slider");
    made.target = target;
    made.isTall = isTall;
    made.idPrefix = idPrefix;
    return made;
  }

  connectedCallback() {
    if (this.range) return this.show();
    const { lowest, highest } = play.rangeOf(this.target);
    const id = `${this.idPrefix}-${this.target.replace(/[^\w]/g, "-")}`;
    this.value = make("output", { for: id, "aria-hidden": "true" });
    this.range = make("input", { type: "range", id, min: 0, max: 1, step: STEP, input: () => this.take() });
    if (lowest < 0 && lowest === -highest) this.range.addEventListener("dblclick", () => play.move({ [this.target]: 0.5 }));
    this.classList.toggle("tall", this.isTall);
    this.classList.toggle("both", lowest < 0 && highest > 0 && lowest === -highest);
    this.mark = make("button", { type: "button", class: "learn", click: () => this.say("learn") });
    this.off = make("button", { type: "button", class: "forget", click: () => this.forget() }, "×");
    const marks = make("span", { class: "marks" }, this.mark, this.off);
    // Vertical sliders are narrow, and among the latents `3` says as much as `latent 3`.
    const name = targetName(this.target), short = this.isTall ? name.replace(/^latent (?=\d+$)/i, "") : name;
    if (short !== name) this.range.setAttribute("aria-label", name);
    this.append(make("label", { for: id, title: name }, short), this.value, this.range, marks);
    this.show();
    this.showMark();
  }

  take() {
    play.move({ [this.target]: Number(this.range.value) });
  }

  /** Tell the part Controls to `learn` a control for the target, or to `forget` what was learned. */
  say(what) {
    this.dispatchEvent(new CustomEvent(what, { bubbles: true, detail: this.target }));
  }

  forget() {
    this.range.focus({ preventScroll: true }); // the button goes
    this.say("forget");
  }

  /** Show on the learn mark which controls move the target, and beside it a button to forget those that were learned. */
  showMark() {
    const name = targetName(this.target), controls = bound.controlsOf(this.target);
    const said = controls.length ? t("hands.mark.long", { name, what: bound.list(controls) }) : t("hands.learn.long", { name });
    this.mark.textContent = bound.short(controls);
    this.mark.setAttribute("aria-label", said);
    this.mark.title = said;
    const learned = controls.filter(isLearned), forget = t("hands.mark.forget", { name, what: bound.short(learned) });
    this.classList.toggle("learned", learned.length > 0 && play.can("unlearn"));
    this.off.setAttribute("aria-label", forget);
    this.off.title = forget;
  }

  /** Show the target's position. */
  show() {
    const at = play.positions.get(this.target) ?? 0;
    const text = valueText(this.target, at);
    this.range.value = at;
    this.range.setAttribute("aria-valuetext", text);
    this.value.textContent = text;
    this.style.setProperty("--at", at);
  }
}
customElements.define("tb-slider", Slider);

play.addEventListener("moved", ({ detail: moved }) => {
  for (const each of document.querySelectorAll("tb-slider")) if (moved.has(each.target)) each.show();
});
bound.addEventListener("change", () => {
  for (const each of document.querySelectorAll("tb-slider")) each.showMark();
});
