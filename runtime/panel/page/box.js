// The box: how the playing goes, the sound card and the MIDI inputs, what the doctor finds, settings, restart and power
// off, and the update.
import { complain, toast } from "/head.js";
import { inGerman, nameInGerman } from "/findings.js";
import { button, draw, make } from "/make.js";
import { play } from "/play.js";
import "/update.js";
import { language, number, t } from "/words.js";

const EVERY_MS = 2000;
const SPAN_S = 300; // how far back the pictures reach
const WIDE = 300, HIGH = 60;
const SURE_MS = 5000; // for the second press of a button that ends the music
const WORST_FIRST = ["bad", "to mend", "good"];
const CURVES = ["soft", "linear", "hard"];
const isGerman = language === "de", told = (text) => (isGerman ? inGerman(text) : text); // of what the doctor finds

class Box extends HTMLElement {
  connectedCallback() {
    this.facts = make("dl", { class: "facts" });
    this.problems = make("ul", { class: "problems" });
    this.load = graph(t("box.load"));
    this.lost = graph(t("box.lost"));
    this.inputs = make("ul", { class: "list" });
    this.examine = make("button", { type: "button", class: "main", click: () => this.ask("doctor.start", {}, (found) => this.showDoctor(found)) }, t("box.examine"));
    this.progress = make("progress", { max: 1, hidden: true, "aria-label": t("box.doctor") });
    this.said = make("p", { class: "hint", role: "status" });
    this.findings = make("ul", { class: "findings" });
    this.settings = make("div", { class: "settings" });
    this.powers = make("div", { class: "buttons" });
    this.update = make("tb-update");
    this.append(
      make("div", { class: "column" }, make("h2", {}, t("box.now")), make("div", { role: "status" }, this.problems), this.facts, this.load, this.lost, make("h2", {}, t("hands.ports")), this.inputs),
      make("div", { class: "column" }, make("h2", {}, t("box.doctor")), make("p", { class: "hint" }, t("box.doctor.how")),
        make("div", { class: "bar" }, this.examine, this.progress), this.said, this.findings),
      make("div", { class: "column" }, make("h2", {}, t("box.settings")), this.settings, this.powers, this.update),
    );
    play.addEventListener("present", () => this.isOpen && this.read());
    play.addEventListener("change", ({ detail }) => {
      if (detail.doctor) this.showDoctor(detail.doctor);
      if (detail.map !== undefined && this.isOpen) this.readInputs();
    });
  }

  /** Called when this part of the page is shown or hidden; it asks only while it is shown. */
  set open(isOpen) {
    this.isOpen = this.update.open = isOpen;
    clearInterval(this.timer);
    if (!isOpen) return;
    this.timer = setInterval(() => document.hidden || this.readNow(), EVERY_MS);
    this.read();
  }

  read() {
    if (!play.isPlaying) return;
    this.readNow();
    this.readInputs();
    this.ask("doctor", {}, (found) => this.showDoctor(found));
    this.ask("settings", {}, (rows) => this.showSettings(rows));
    this.ask("powers", {}, (names) => this.showPowers(names));
  }

  async ask(method, params, then) {
    if (!play.can(method)) return;
    await play.ask(method, params).then(then).catch((error) => {
      complain(error);
      this.shownSettings = null; // a refused value must not stay in its field
    });
  }

  // --- now ---

  async readNow() {
    if (!play.isPlaying || !play.can("history")) return;
    const [health, history] = await Promise.all([play.ask("health"), play.ask("history")]).catch(() => []);
    if (!health) return;
    const { late, underruns } = health, ms = (1000 * health.buffer_frames) / health.sample_rate_hz;
    const rows = [
      [t("box.card"), health.audio === "null" ? t("box.card.none") : health.audio],
      [t("box.rate"), t("box.rate.text", { khz: number(health.sample_rate_hz / 1000, 1), n: number(health.buffer_frames), ms: number(ms, 1) })],
      [t("box.latency"), `${number(health.latency_ms, 1)} ms`],
      [t("box.load"), t("box.load.text", { mean: percent(health.load), most: percent(health.load_most) })],
      [t("box.lost"), t("box.lost.text", { late: number(late), underruns: number(underruns), n: number(health.blocks) })],
      [t("box.priority"), t(health.real_time ? "box.priority.yes" : "box.priority.no")],
    ];
    this.facts.replaceChildren(...rows.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
    this.problems.hidden = !health.problems.length;
    const texts = JSON.stringify(health.problems);
    if (texts !== this.shownProblems) this.problems.replaceChildren(...health.problems.map((text) => make("li", {}, t(`problem.${text}`).replace("problem.", ""))));
    this.shownProblems = texts;
    this.showHistory(history);
  }

  showHistory({ ago_s: ago, load, most, late, underruns }) {
    const x = (k) => (WIDE * (1 - ago[k] / SPAN_S)).toFixed(1), y = (share) => (HIGH * (1 - Math.min(1, share))).toFixed(1);
    const shown = ago.map((_, k) => k).filter((k) => ago[k] <= SPAN_S);
    const line = (values) => shown.map((k) => `${x(k)},${y(values[k])}`).join(" ");
    const area = shown.length ? `${x(shown[0])},${HIGH} ${line(load)} ${x(shown.at(-1))},${HIGH}` : "";
    this.load.picture.replaceChildren(draw("polygon", { points: area, class: "area" }), draw("polyline", { points: line(most), class: "line" }));
    this.load.say(t("box.load.minutes", { most: percent(Math.max(0, ...shown.map((k) => most[k]))) }));
    const lost = shown.map((k) => [k, Math.max(late[k], underruns[k])]).filter(([, n]) => n), largest = Math.max(4, ...lost.map(([, n]) => n));
    this.lost.picture.replaceChildren(...lost.map(([k, n]) => draw("rect", { x: x(k) - 2, width: 2, y: y(n / largest), height: (HIGH * n) / largest, class: "lost" })));
    this.lost.say(t("box.lost.minutes", { n: number(lost.reduce((sum, [, n]) => sum + n, 0)) }));
  }

  async readInputs() {
    if (!play.can("devices")) return;
    const [devices, { ports }] = await Promise.all([play.ask("devices"), play.ask("state")]).catch(() => [[], { ports: [] }]);
    const rows = devices.map(({ device, name, map, learned, velocity_curve: curve }) => make("li", { class: "taken" },
      make("span", { class: "what" }, make("strong", {}, name),
        make("span", {}, [t(ports.includes(name) ? "box.input.here" : "box.input.gone"), map === "default" ? "" : map, learned ? t("box.input.learned", { n: learned }) : ""].filter(Boolean).join(" · "))),
      play.can("velocity") ? make("label", { class: "curve" }, make("span", {}, t("box.curve")), select(
        curve === "own" ? ["own", ...CURVES] : CURVES, curve, (each) => t(`box.curve.${each}`),
        (chosen) => chosen !== "own" && this.ask("velocity", { device, curve: chosen }, () => toast(t("box.curve.chosen", { name, curve: t(`box.curve.${chosen}`) }))))) : ""));
    if (this.inputs.contains(document.activeElement) && rows.length === this.inputs.children.length) return; // do not replace a list in use
    this.inputs.replaceChildren(...(rows.length ? rows : [make("li", { class: "none" }, t("hands.noport"))]));
  }

  // --- the doctor ---

  showDoctor({ is_running: isRunning, findings, n_checks: n, at_s: at, problem }) {
    this.examine.disabled = isRunning;
    this.progress.hidden = !isRunning;
    this.progress.value = n ? Math.min(0.97, findings.length / (n + 1)) : 0;
    const bad = findings.filter(({ verdict }) => verdict === "bad").length, mend = findings.filter(({ verdict }) => verdict === "to mend").length;
    const summary = bad || mend ? t("box.summary", { bad, mend, good: findings.length - bad - mend }) : t("box.allgood");
    this.said.textContent = isRunning ? t("box.examining") : problem ? problem : at ? `${summary} ${new Date(1000 * at).toLocaleTimeString(language)}` : "";
    const shown = isRunning ? findings : findings.toSorted((a, b) => WORST_FIRST.indexOf(a.verdict) - WORST_FIRST.indexOf(b.verdict));
    this.findings.replaceChildren(...shown.map(({ name, verdict, says, mend: how }) => make("li", { class: verdict.replace(" ", "-") },
      make("span", { class: "verdict" }, t(`box.verdict.${verdict}`)), make("strong", {}, isGerman ? nameInGerman(name) : name),
      make("p", {}, told(says)), how ? make("p", { class: "how" }, make("span", {}, t("box.mend")), make("code", {}, told(how))) : "")));
  }

  // --- settings ---

  showSettings(rows) {
    const shown = JSON.stringify(rows);
    if (shown === this.shownSettings) return;
    this.shownSettings = shown;
    const isWaiting = rows.some(({ value, now }) => value !== now);
    this.settings.replaceChildren(...rows.map((row) => this.setting(row)), make("p", { class: isWaiting ? "waits" : "hint" }, t(isWaiting ? "box.setting.waits" : "box.setting.start")));
  }

  setting({ name, value, default: usual, in_file: inFile, choices, lowest, highest }) {
    const id = `setting-${name}`, choose = (chosen) => this.choose(name, chosen, chosen === inFile);
    const field = choices ? select(choices, value, (each) => settingText(name, each), choose, { id }) : make("input", {
      id, type: "number", min: lowest, max: highest, step: 0.1, value, required: true, change: ({ target }) => target.reportValidity() && choose(Number(target.value)),
    });
    const back = value === usual ? "" : button(t("box.default"), t("box.default.long", { name: t(`setting.${name}`) }), () => choose(usual));
    return make("div", { class: "setting" }, make("label", { for: id }, t(`setting.${name}`)), make("div", { class: "bar" }, field, back),
      make("p", { class: "hint" }, `${t(`setting.${name}.how`)} ${t("box.default.is", { value: settingText(name, usual) })}`));
  }

  choose(name, value, isBack) {
    return this.ask("settings.choose", isBack ? { name, is_back: true } : { name, value }, (rows) => this.showSettings(rows));
  }

  // --- restart, power off ---

  showPowers(names) {
    this.powers.replaceChildren(...names.map((name) => this.sure(t(`power.${name}`), t(`power.${name}.sure`), () =>
      play.ask("power", { do: name }).then(() => toast(t(`power.${name}.done`)), complain))));
  }

  /** A button that acts when it is pressed a second time. */
  sure(text, question, act) {
    let timer = 0;
    const made = make("button", { type: "button", click: () => {
      if (!timer) {
        made.textContent = question;
        timer = setTimeout(reset, SURE_MS);
        return;
      }
      clearTimeout(timer);
      reset();
      act();
    } }, text);
    const reset = () => {
      timer = 0;
      made.textContent = text;
    };
    return made;
  }
}
customElements.define("tb-box", Box);

/** A picture of the last minutes, with a text below it that says the same. */
function graph(title) {
  const picture = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const text = make("figcaption");
  const made = make("figure", { class: "graph" }, make("div", {}, picture), text);
  return Object.assign(made, { picture, say: (said) => (text.textContent = `${title}: ${said}`) });
}

/** A select field; text: returns the text of a choice; act: receives the chosen choice. */
function select(choices, value, text, act, attributes = {}) {
  const options = choices.map((each, k) => make("option", { value: k, selected: each === value }, text(each)));
  return make("select", { ...attributes, change: ({ target }) => act(choices[target.value]) }, ...options);
}

function settingText(name, value) {
  if (name === "chime") return t(`setting.chime.${value}`);
  if (name === "a4_hz") return `${number(value, Number.isInteger(value) ? 0 : 1)} Hz`;
  return name === "buffer_frames" ? t("box.frames", { n: number(value) }) : number(value);
}

function percent(share) {
  return number(100 * share, share < 0.1 ? 1 : 0);
}
