// The top of the page: voices and level, volume, all notes off, and tools; and the page's messages.
import { button, make } from "/make.js";
import { notes } from "/notes.js";
import { play } from "/play.js";
import { Slider } from "/slider.js";
import { language, number, switchLanguage, t } from "/words.js";

const QUIETEST_DB = -60;
const TO_READ_MS = 2000, TO_READ_EACH_MS = 45, MOST_TO_READ_MS = 6000; // how long a message is shown: for each character
const TO_ACT_MS = 15000; // with a button, unless the button says how long

class Meter extends HTMLElement {
  connectedCallback() {
    this.voices = make("span", { class: "voices" });
    this.bar = make("div", { class: "bar", role: "meter", "aria-label": t("meter.level") }, make("div"));
    this.bar.setAttribute("aria-valuemin", QUIETEST_DB);
    this.bar.setAttribute("aria-valuemax", 0);
    this.append(this.voices, this.bar);
    this.shown = 0;
    play.addEventListener("meter", ({ detail }) => this.show(detail.voices, detail.level_db));
    play.addEventListener("present", () => {
      if (!play.isPlaying) this.shown = 0; // the last measurement is out of date
      this.show(0, QUIETEST_DB);
    });
    this.show(0, QUIETEST_DB);
  }

  show(voices, levelDb) {
    const level = Math.max(0, Math.min(1, 1 - levelDb / QUIETEST_DB));
    this.shown = Math.max(level, this.shown - 0.053);
    this.bar.style.setProperty("--level", this.shown.toFixed(3));
    this.bar.classList.toggle("hot", levelDb > -3);
    this.bar.setAttribute("aria-valuenow", Math.max(QUIETEST_DB, Math.round(levelDb)));
    this.bar.setAttribute("aria-valuetext", levelDb <= QUIETEST_DB ? t("meter.silent") : `${number(levelDb)} dB`);
    const text = voices === 1 ? t("meter.voice") : t("meter.voices", { n: number(voices) });
    if (this.voices.textContent !== text) this.voices.textContent = text;
  }
}
customElements.define("tb-meter", Meter);

class Out extends HTMLElement {
  connectedCallback() {
    this.append(Slider.for("level"), button(t("panic"), t("panic.long"), () => notes.panic(), { class: "panic" }));
    // The slider needs the ranges, which arrive after connecting.
    play.addEventListener("present", () => {
      this.firstChild.replaceWith(Slider.for("level"));
      this.name();
    });
    this.name();
  }

  /** Say whose volume this is: each sound has its own, which begins when the sound is chosen. */
  name() {
    const text = play.parts.length ? t("level.parts") : play.sound ? t("level.of", { name: play.sound }) : "";
    const label = this.querySelector("tb-slider label");
    label.append(make("span", { class: "whose" }, ` ${text}`));
    label.title = t("level.why");
  }
}
customElements.define("tb-out", Out);

class Tools extends HTMLElement {
  connectedCallback() {
    const word = (text) => make("span", { class: "word" }, text);
    this.learn = button(word(t("learn.mode")), t("learn.mode.long"), () => this.toggle(), { class: "learns", "aria-pressed": "false", hidden: true });
    const language_ = button(t("language.short"), t("language"), switchLanguage, { lang: language === "de" ? "en" : "de" });
    this.record = button(word(t("record")), t("record.long"), () => play.ask("action", { name: "record" }).catch(complain), { class: "record", "aria-pressed": "false", hidden: true });
    this.append(this.record, this.learn, language_);
    play.addEventListener("meter", ({ detail }) => this.record.setAttribute("aria-pressed", detail.recording === true));
    play.addEventListener("present", () => {
      this.record.hidden = !play.can("record");
      this.learn.hidden = !play.can("learn");
      if (this.learn.hidden) this.mark(false);
    });
  }

  toggle() {
    const isOn = this.learn.getAttribute("aria-pressed") !== "true";
    this.mark(isOn);
    if (!isOn) document.querySelector("tb-toast").hide(t("learn.mode.how"));
    else toast(t("learn.mode.how"), { text: t("tab.hands"), do: () => document.getElementById("tab-hands").click() });
  }

  mark(isOn) {
    this.learn.setAttribute("aria-pressed", isOn);
    document.body.classList.toggle("learning", isOn);
    if (!isOn) this.dispatchEvent(new Event("learnend", { bubbles: true }));
  }
}
customElements.define("tb-tools", Tools);

class Notice extends HTMLElement {
  connectedCallback() {
    for (const news of ["connection", "present"]) play.addEventListener(news, () => this.show());
    // Wait, so that a page that connects at once shows no message.
    setTimeout(() => this.show(), 1500);
    this.isLate = false;
  }

  show() {
    const text = !play.isConnected ? t("lost") : play.isPlaying ? "" : t("nothing");
    if (text) document.querySelector("tb-toast").hide(t("back"));
    if (play.wasConnected && !play.isPlaying) this.wasLost = true;
    if (!text && this.wasLost) {
      this.wasLost = false;
      toast(t("back"));
    }
    if (play.wasConnected || performance.now() > 1400) this.textContent = text;
    document.body.classList.toggle("away", !play.isPlaying);
  }
}
customElements.define("tb-notice", Notice);

class Toast extends HTMLElement {
  show(text, acts) {
    clearTimeout(this.timer);
    const no = acts.find((act) => act.isNo)?.do ?? (() => {}); // to close a question is to say no
    const parts = [make("span", {}, text), ...acts.map((act) => button(act.text, act.text, () => { this.hide(); act.do(); }))];
    parts.push(button("×", t("close"), () => { this.hide(); no(); }, { class: "close" }));
    this.replaceChildren(...parts);
    const lastsMs = acts.length ? Math.max(...acts.map(({ lastsMs = TO_ACT_MS }) => lastsMs)) : Math.min(MOST_TO_READ_MS, TO_READ_MS + TO_READ_EACH_MS * text.length);
    if (lastsMs < Infinity) this.timer = setTimeout(() => this.hide(), lastsMs);
  }

  /** Hide the message; text: hide only this message. */
  hide(text) {
    if (text !== undefined && this.firstChild?.textContent !== text) return;
    this.replaceChildren();
  }
}
customElements.define("tb-toast", Toast);

/**
 * Show a message for a while; acts: {text, do} for each button beside the message, or false for none. An act may say for
 * how long the message stays (lastsMs, Infinity for a question that waits), and whether closing the message does it (isNo).
 */
export function toast(text, ...acts) {
  document.querySelector("tb-toast").show(text, acts.filter(Boolean));
}

/** Show an error's message. */
export function complain(error) {
  toast(error.message === "lost" ? t("lost") : error.message);
}
