// Controls: which controls move which targets, learning a control for a target, and the news of the MIDI inputs.
import { complain, toast } from "/head.js";
import { button, make, whenReleased } from "/make.js";
import { play } from "/play.js";
import { noteName, t, targetName } from "/words.js";

const MOST_ARRIVED = 12;
const AT_ONCE_S = 0.001;

class Hands extends HTMLElement {
  connectedCallback() {
    this.how = make("p", { class: "hint" });
    this.table = make("tbody");
    this.rows = []; // each target with its controls
    this.waiting = null; // the target that waits for a control
    this.show = whenReleased(this, () => this.showNow());
    this.ports = make("p");
    this.arrived = make("ol", { class: "arrived" });
    this.names = new Map(); // the inputs, by number
    this.append(
      make("div", { class: "column wide" },
        make("h2", {}, t("hands")), this.how,
        make("table", {}, make("thead", {}, make("tr", {},
          make("th", { scope: "col" }, t("hands.target")), make("th", { scope: "col" }, t("hands.moved")),
          make("th", { scope: "col" }, make("span", { class: "unseen" }, t("hands.acts"))))), this.table)),
      make("div", { class: "column" },
        make("h2", {}, t("hands.ports")), this.ports, make("h2", {}, t("hands.arrived")), this.arrived),
    );
    play.addEventListener("present", () => this.isOpen && this.read());
    play.addEventListener("control", ({ detail }) => this.note(detail));
    play.addEventListener("change", ({ detail }) => detail.learn && this.told(detail.learn));
    addEventListener("keydown", (event) => event.key === "Escape" && this.stop());
    document.addEventListener("learn", ({ detail }) => this.learn(detail));
  }

  /** Called when this part of the page is shown or hidden; while shown, it receives news of the MIDI inputs. */
  set open(isOpen) {
    this.isOpen = isOpen;
    play.want("control", this, isOpen);
    if (isOpen) this.read();
  }

  async read() {
    if (!play.isPlaying && play.state) return; // the connection is lost: keep the last rows
    const { ports } = (play.isPlaying && (await play.ask("state").catch(() => null))) || { ports: [] };
    const devices = play.can("devices") ? await play.ask("devices").catch(() => []) : [];
    this.names = new Map(devices.map(({ device, name }) => [device, name]));
    this.ports.textContent = ports.length ? ports.join(", ") : t("hands.noport");
    if (!this.arrived.children.length) this.arrived.append(make("li", { class: "none" }, t("hands.nothing")));
    this.how.textContent = t(play.can("learn") ? "hands.how" : "hands.cannot");
    const rows = play.can("targets") ? await play.ask("targets").catch(() => []) : play.targets.map((target) => ({ target, moved_by: [] }));
    this.rows = rows;
    this.show();
  }

  showNow() {
    const focus = document.activeElement?.dataset.learn;
    this.table.replaceChildren(...this.rows.map((row) => this.row(row)));
    if (focus) this.table.querySelector(`[data-learn="${CSS.escape(focus)}"]`)?.focus();
  }

  row({ target, moved_by: by, silenced = [] }) {
    const name = targetName(target), isWaiting = target === this.waiting;
    const learn = isWaiting
      ? button(t("cancel"), t("hands.stop", { name }), () => this.stop(), { "aria-pressed": "true", "data-learn": target })
      : button(t("hands.learn"), t("hands.learn.long", { name }), () => this.learn(target), { "data-learn": target });
    const acts = play.can("learn") ? [
      learn,
      by.some(isLearned) ? button(t("hands.forget"), t("hands.forget.long", { name }), () => this.change("unlearn", target, t("hands.forgotten", { name }))) : "",
      by.some(isOfInput) && play.can("silence") ? button(t("hands.off"), t("hands.off.long", { name }), () => this.change("silence", target), { "data-off": target }) : "",
      silenced.length ? button(t("hands.on"), t("hands.on.long", { name }), () => this.change("unlearn", target), { "data-on": target }) : "",
    ] : [];
    const moved = isWaiting || !(by.length || silenced.length) ? [isWaiting ? t("hands.waits") : "–"]
      : [by.map((each) => this.said(each)).join(", "), ...silenced.map((each) => make("span", { class: "off" }, this.said(each), make("span", { class: "unseen" }, `, ${t("hands.off")}`)))];
    return make("tr", { class: isWaiting ? "waiting" : "" }, make("th", { scope: "row" }, name), make("td", {}, ...moved.flatMap((each, k) => (k && moved[0] ? [", ", each] : [each]))), make("td", { class: "acts" }, ...acts));
  }

  /** The name of a control, as people write it; without the input's name if there is only one input. */
  said(control) {
    const [only] = this.names.size === 1 ? this.names.values() : [];
    return capitals(control).replace(` (${only})`, "").replace(` (${only}, learned)`, ` · ${t("hands.is.learned")}`)
      .replace(" (default map)", ` · ${t("hands.default")}`);
  }

  async learn(target) {
    if (target === this.waiting) return this.stop();
    try {
      await play.ask("learn", { target });
      const { ports } = await play.ask("state");
      const text = t("hands.wait", { name: targetName(target) });
      const said = ports.length ? text : `${text} ${t("hands.wait.noport")}`;
      if (!this.isOpen || !ports.length) toast(said, { text: t("cancel"), do: () => this.stop() }); // else its row says so
      this.wait(target);
    } catch (error) {
      complain(error);
    }
  }

  /** Cancel learning: replace it by a request that times out at once. */
  async stop() {
    const target = this.waiting;
    if (!target) return;
    this.stopped = target;
    this.wait(null);
    await play.ask("learn", { target, timeout_s: AT_ONCE_S }).catch(complain);
    toast(t("hands.stopped"));
  }

  /** Mark the row of the target that waits for a control; null for none. */
  wait(target) {
    this.waiting = target;
    this.show();
  }

  /** Forget what was learned for a target, or let the map's own controls move it no more. */
  async change(method, target, done = "") {
    await play.ask(method, { target }).then(() => done && toast(done), complain);
    this.read();
  }

  told({ outcome, target, line, device }) {
    const name = targetName(target ?? "");
    if (outcome === "timeout" && target === this.stopped) {
      this.stopped = null; // the user has been told
      return;
    }
    if (this.waiting && (target === this.waiting || outcome === "cancelled")) this.wait(null);
    if (outcome === "timeout") toast(t("hands.timeout", { name }));
    if (outcome !== "learned") return;
    toast(t("hands.learned", { name, what: `${capitals(line.control)} (${device})` }));
    if (this.isOpen) this.read();
  }

  /** Show an event; a control that moves on changes its own line. */
  note(event) {
    this.arrived.querySelector(".none")?.remove();
    if (!this.arrived.children.length) this.arrived.append(line(["what", "value", "channel", "input"].map((each) => t(`hands.arrived.${each}`)), "head"));
    const { kind, channel, device } = event, isNote = kind.startsWith("Note");
    const what = isNote ? `${kind === "NoteOn" ? "▼" : "△"} ${noteName(event.note)}` : kind === "ControlChange" ? `CC ${event.control}` : t(`kind.${kind}`);
    const value = event.value ?? event.velocity ?? event.pitch ?? event.program, key = isNote ? "" : `${what} ${channel} ${device}`;
    if (!this.names.has(device)) this.read();
    const made = line([what, value, channel + 1, this.names.get(device) ?? "–"], "");
    const head = this.arrived.firstChild, last = head.nextSibling;
    made.dataset.key = key;
    if (key && last?.dataset.key === key) last.replaceWith(made);
    else head.after(made);
    while (this.arrived.children.length > MOST_ARRIVED + 1) this.arrived.lastChild.remove();
  }
}
customElements.define("tb-hands", Hands);

function line(texts, kind) {
  return make("li", { class: kind }, ...texts.map((text) => make("span", {}, text)));
}

/** A control's name as people write it: `CC 21` for `cc 21`. */
function capitals(control) {
  return control.replace(/^cc (\d+)/, "CC\u00a0$1");
}

function isLearned(control) {
  return control.includes(", learned)");
}

/** Whether a control is in the map of an input that is here; without inputs, the default map is listed. */
function isOfInput(control) {
  return !isLearned(control) && !control.endsWith("(default map)");
}
