// Controls: what moves what, learning a control for a target, and what arrives at the MIDI inputs.
import { complain, toast } from "/head.js";
import { button, make } from "/make.js";
import { play } from "/play.js";
import { noteName, t, targetName } from "/words.js";

const MOST_ARRIVED = 12;

class Hands extends HTMLElement {
  connectedCallback() {
    this.how = make("p", { class: "hint" });
    this.table = make("tbody");
    this.ports = make("p");
    this.arrived = make("ol", { class: "arrived" });
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
    document.addEventListener("learn", ({ detail }) => this.learn(detail));
  }

  /** Called when this part of the page is shown or hidden: only then does what plays tell what arrives. */
  set open(isOpen) {
    this.isOpen = isOpen;
    play.want("control", this, isOpen);
    if (isOpen) this.read();
  }

  async read() {
    const { ports } = (play.isPlaying && (await play.ask("state").catch(() => null))) || { ports: [] };
    this.ports.textContent = ports.length ? ports.join(", ") : t("hands.noport");
    if (!this.arrived.children.length) this.arrived.append(make("li", { class: "none" }, t("hands.nothing")));
    this.how.textContent = t(play.can("learn") ? "hands.how" : "hands.cannot");
    const rows = play.can("targets") ? await play.ask("targets").catch(() => []) : play.targets.map((target) => ({ target, moved_by: [] }));
    this.table.replaceChildren(...rows.map((row) => this.row(row)));
  }

  row({ target, moved_by: by }) {
    const name = targetName(target);
    const acts = play.can("learn") ? [
      button(t("hands.learn"), t("hands.learn.long", { name }), () => this.learn(target)),
      by.some((each) => each.includes("learned")) ? button(t("hands.forget"), t("hands.forget.long", { name }), () => this.forget(target)) : "",
    ] : [];
    return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, by.map(said).join(", ") || "–"), make("td", { class: "acts" }, ...acts));
  }

  async learn(target) {
    try {
      await play.ask("learn", { target });
      toast(t("hands.wait", { name: targetName(target) }));
    } catch (error) {
      complain(error);
    }
  }

  async forget(target) {
    await play.ask("unlearn", { target }).catch(complain);
    this.read();
  }

  told({ outcome, target, line, device }) {
    const name = targetName(target ?? "");
    if (outcome === "timeout") toast(t("hands.timeout", { name }));
    if (outcome !== "learned") return;
    toast(t("hands.learned", { name, what: `${line.control} (${device})` }));
    if (this.isOpen) this.read();
  }

  note(event) {
    this.arrived.querySelector(".none")?.remove();
    const { kind, channel } = event;
    const what = kind.startsWith("Note") ? noteName(event.note) : kind === "ControlChange" ? `CC ${event.control}` : kind;
    const value = event.value ?? event.velocity ?? event.pitch ?? event.program;
    const text = kind.startsWith("Note") ? `${kind === "NoteOn" ? "▼" : "△"} ${what}` : what;
    this.arrived.prepend(make("li", {}, make("span", {}, text), make("span", {}, value), make("span", {}, `${channel + 1}`)));
    while (this.arrived.children.length > MOST_ARRIVED) this.arrived.lastChild.remove();
  }
}
customElements.define("tb-hands", Hands);

/** What moves a target, as people write it. */
function said(control) {
  return control.replace(/^cc /, "CC ").replace("(default map)", `(${t("hands.default")})`);
}
