// Controls: which controls move which targets, learning a control for a target, and the news of the MIDI inputs.
import { bound, capitals, isLearned, isOfInput } from "/bound.js";
import { complain, toast } from "/head.js";
import { button, make, whenReleased } from "/make.js";
import { play } from "/play.js";
import { noteName, t, targetName } from "/words.js";

const MOST_ARRIVED = 12;
const AT_ONCE_S = 0.001, UNDO_MS = 60000;

class Hands extends HTMLElement {
  connectedCallback() {
    this.how = make("p", { class: "hint" });
    this.table = make("tbody", { role: "rowgroup" }); // a phone's layout would take a table's roles away
    this.order = new Map(); // the place of each target in the table
    this.waiting = null; // the target that waits for a control
    this.show = whenReleased(this, () => this.showNow());
    this.ports = make("p");
    this.arrived = make("ol", { class: "arrived" });
    this.append(
      make("div", { class: "column wide" },
        make("h2", {}, t("hands")), this.how,
        make("table", { role: "table" }, make("thead", { role: "rowgroup" }, make("tr", { role: "row" },
          heading(t("hands.target")), heading(t("hands.moved")), heading(make("span", { class: "unseen" }, t("hands.acts"))))), this.table)),
      make("div", { class: "column" },
        make("h2", {}, t("hands.ports")), this.ports, make("h2", {}, t("hands.arrived")), this.arrived),
    );
    play.addEventListener("present", () => {
      if (!play.isPlaying) this.wait(null);
      if (this.isOpen) this.read();
    });
    bound.addEventListener("change", () => this.isOpen && this.show());
    play.addEventListener("control", ({ detail }) => this.note(detail));
    play.addEventListener("change", ({ detail }) => detail.learn && this.told(detail.learn));
    addEventListener("keydown", (event) => event.key === "Escape" && this.stop());
    document.addEventListener("learn", ({ detail }) => this.learn(detail));
    document.addEventListener("forget", ({ detail }) => this.forget(detail));
    document.addEventListener("learnend", () => this.stop());
  }

  /** Called when this part of the page is shown or hidden. */
  set open(isOpen) {
    this.isOpen = isOpen;
    if (!isOpen) return;
    this.sort();
    bound.read().then(() => this.sort());
    this.read();
  }

  /** Put what was learned at the top, where it is looked for. Later, rows keep their places: none may move away below the
   * pointer, so that the next click would mean another target. */
  sort() {
    const rows = bound.rows.toSorted((a, b) => b.moved_by.some(isLearned) - a.moved_by.some(isLearned));
    this.order = new Map(rows.map(({ target }, k) => [target, k]));
    this.show();
  }

  async read() {
    if (!play.isPlaying && play.state) return; // the connection is lost: keep the last rows
    const { ports } = (play.isPlaying && (await play.ask("state").catch(() => null))) || { ports: [] };
    this.ports.textContent = ports.length ? ports.join(", ") : t("hands.noport");
    if (!this.arrived.children.length) this.arrived.append(make("li", { class: "none" }, t("hands.nothing")));
    this.how.textContent = t(play.can("learn") ? "hands.how" : "hands.cannot");
    this.show();
  }

  showNow() {
    const { rows } = bound;
    if (rows.some(({ target }) => !this.order.has(target))) return this.sort(); // another sound or instrument
    const [[act, target] = []] = Object.entries(this.table.contains(document.activeElement) ? document.activeElement.dataset : {});
    this.table.replaceChildren(...rows.toSorted((a, b) => this.order.get(a.target) - this.order.get(b.target)).map((row) => this.row(row)));
    const find = (name) => this.table.querySelector(`[data-${name}="${CSS.escape(target)}"]`);
    if (target) (find(act) ?? find("learn"))?.focus({ preventScroll: true }); // a button such as Forget goes
  }

  row({ target, moved_by: by, silenced = [] }) {
    const name = targetName(target), isWaiting = target === this.waiting;
    const learn = isWaiting
      ? button(t("cancel"), t("hands.stop", { name }), () => this.stop(), { "aria-pressed": "true", "data-learn": target })
      : button(t("hands.learn"), t("hands.learn.long", { name }), () => this.learn(target), { "data-learn": target });
    const learned = bound.list(by.filter(isLearned)), own = by.filter(isOfInput), what = bound.list(own), off = bound.list(silenced);
    // Forget is at the left, as the buttons that stay are at the right: where it was, a second click meets nothing.
    const acts = play.can("learn") ? [
      learned ? button(t("hands.forget"), t("hands.forget.long", { name, what: learned }), () => this.forget(target), { "data-forget": target }) : "",
      learn,
      own.length && play.can("silence") ? button(t("hands.off.short", { what: bound.short(own) }), t("hands.off.long", { name, what }), () => this.change("silence", target, t("hands.is.off", { name, what })), { "data-off": target }) : "",
      off ? button(t("hands.on", { what: bound.short(silenced) }), t("hands.on.long", { name, what: off }), () => this.change("unlearn", target, t("hands.is.on", { name, what: off })), { "data-on": target }) : "",
    ] : [];
    const moved = [...by.filter(isLearned), ...by.filter((each) => !isLearned(each))].map((each) => bound.said(each) + (isLearned(each) ? ` · ${t("hands.is.learned")}` : ""));
    const parts = [...moved, ...silenced.map((each) => make("span", { class: "off" }, bound.said(each), make("span", { class: "unseen" }, `, ${t("hands.off")}`)))];
    if (isWaiting) parts.push(t("hands.waits"));
    return make("tr", { class: isWaiting ? "waiting" : "", role: "row" }, make("th", { scope: "row", role: "rowheader" }, name),
      make("td", { role: "cell" }, ...(parts.length ? parts.flatMap((each, k) => (k ? [", ", each] : [each])) : ["–"])), make("td", { class: "acts", role: "cell" }, ...acts));
  }

  async learn(target) {
    if (target === this.waiting) return this.stop();
    try {
      await play.ask("learn", { target });
      const [{ ports }] = await Promise.all([play.ask("state"), bound.read()]); // the question names what moves it now
      if (!ports.length || !this.isOpen) this.askFor(target, ports.length > 0); // else its row says so
      this.wait(target);
    } catch (error) {
      complain(error);
    }
  }

  /** Ask in a notice for a control for a target, and say what moves the target now; the notice stays until an answer. */
  askFor(target, hasInput) {
    const name = targetName(target), controls = bound.controlsOf(target), learned = controls.filter(isLearned);
    const ask = (text, ...acts) => {
      this.asked = text;
      toast(text, ...acts, { text: t("cancel"), do: () => this.stop(), lastsMs: Infinity, isNo: true });
    };
    if (!hasInput) return ask(`${t("hands.wait", { name })} ${t("hands.wait.noport")}`);
    if (!controls.length) return ask(t("hands.wait", { name }));
    const what = bound.list(learned.length ? learned : controls);
    const free = learned.length ? { text: t("hands.forget"), do: () => this.forget(target) }
      : { text: t("hands.off.what", { what }), do: () => this.change("silence", target, t("hands.is.off", { name, what })) };
    return ask(t(learned.length ? "hands.replaces" : "hands.adds", { name, what }), free);
  }

  /** Cancel learning: replace it by a request that times out at once. */
  async stop(done = t("hands.stopped")) {
    const target = this.waiting;
    if (!target) return;
    this.stopped = target;
    this.wait(null);
    await play.ask("learn", { target, timeout_s: AT_ONCE_S }).catch(complain);
    if (done) toast(done);
  }

  /** Mark the row of the target that waits for a control; null for none, which ends the notice that asks for one. */
  wait(target) {
    this.waiting = target;
    if (!target && this.isAsking) document.querySelector("tb-toast").hide();
    this.show();
  }

  /** Whether the notice that asks for a control is in sight. */
  get isAsking() {
    return this.asked !== undefined && document.querySelector("tb-toast").firstChild?.textContent === this.asked;
  }

  forget(target) {
    const what = bound.list(bound.controlsOf(target).filter(isLearned));
    return this.change("unlearn", target, t("hands.forgotten", { name: targetName(target), what }));
  }

  /** Forget what was learned for a target, or let the map's own controls move it no more; learning ends, too. */
  async change(method, target, done) {
    if (this.waiting === target) await this.stop("");
    await play.ask(method, { target }).then(() => toast(done, this.undoing), complain);
    bound.read();
  }

  /** A message's button that takes the last change back; false if `play` cannot. */
  get undoing() {
    return play.can("learn.undo") && { text: t("undo"), do: () => this.undo(), lastsMs: UNDO_MS };
  }

  async undo() {
    await play.ask("learn.undo").then(() => toast(t("hands.undone")), complain);
    bound.read();
  }

  told({ outcome, target, line }) {
    const name = targetName(target ?? "");
    if (outcome === "timeout" && target === this.stopped) {
      this.stopped = null; // the user has been told
      return;
    }
    if (outcome === "timeout" && target === this.waiting && this.isAsking) {
      play.ask("learn", { target }).catch(complain); // the notice still asks
      return;
    }
    if (this.waiting && outcome !== "replaced") this.wait(null);
    if (outcome === "timeout") toast(t("hands.timeout", { name }));
    if (outcome !== "learned") return;
    toast(t("hands.learned", { name, what: capitals(line.control) }), this.undoing);
  }

  /** Show an event; a control that moves on changes its own line. */
  note(event) {
    this.arrived.querySelector(".none")?.remove();
    if (!this.arrived.children.length) this.arrived.append(line(["what", "value", "channel", "input"].map((each) => t(`hands.arrived.${each}`)), "head"));
    const { kind, channel, device } = event, isNote = kind.startsWith("Note");
    const what = isNote ? `${kind === "NoteOn" ? "▼" : "△"} ${noteName(event.note)}` : kind === "ControlChange" ? `CC ${event.control}` : t(`kind.${kind}`);
    const value = event.value ?? event.velocity ?? event.pitch ?? event.program, key = isNote ? "" : `${what} ${channel} ${device}`;
    if (!bound.names.has(device) && this.isOpen) bound.read();
    const made = line([what, value, channel + 1, bound.names.get(device) ?? "–"], "");
    const head = this.arrived.firstChild, last = head.nextSibling;
    made.dataset.key = key;
    if (key && last?.dataset.key === key) last.replaceWith(made);
    else head.after(made);
    while (this.arrived.children.length > MOST_ARRIVED + 1) this.arrived.lastChild.remove();
  }
}
customElements.define("tb-hands", Hands);

function heading(said) {
  return make("th", { scope: "col", role: "columnheader" }, said);
}

function line(texts, kind) {
  return make("li", { class: kind }, ...texts.map((text) => make("span", {}, text)));
}
