// The update in *Box*: sends a signed update, and shows how it goes. It has its own connection for files.
import { Link } from "/files.js";
import { complain } from "/head.js";
import { make } from "/make.js";
import { number, t } from "/words.js";

const TEXTS = new Set(["waiting", "stuck", "checking", "installing", "done"]);

class Update extends HTMLElement {
  connectedCallback() {
    this.hidden = true;
    this.link = new Link();
    this.link.addEventListener("files", () => this.show());
    this.present = make("p", { class: "hint" });
    this.input = make("input", { type: "file", accept: ".update", class: "unseen", tabindex: -1, "aria-hidden": "true", "aria-label": t("update.choose"), "data-kind": "update", change: () => this.offer() });
    this.choose = make("button", { type: "button", click: () => this.input.click() }, t("update.choose"));
    this.sure = make("div", { class: "buttons", hidden: true });
    this.said = make("div", { class: "work", role: "status" });
    this.append(make("h2", {}, t("update")), this.present, make("div", { class: "bar" }, this.input, this.choose), this.sure, this.said);
  }

  /** Called when *Box* is shown or hidden. */
  set open(isOpen) {
    this.link.isWanted = isOpen;
    if (isOpen) this.link.start();
    else if (!this.link.sending) this.link.stop();
  }

  /** Ask whether the chosen file is to be installed. */
  offer() {
    const [file] = this.input.files;
    this.input.value = "";
    if (!file) return;
    const close = () => (this.sure.hidden = true);
    this.sure.replaceChildren(make("p", {}, t("update.sure", { name: file.name, mb: number(file.size / 2 ** 20, 1) })),
      make("button", { type: "button", class: "main", click: () => {
        close();
        this.link.send("update", file).catch(complain);
      } }, t("update.do")),
      make("button", { type: "button", click: close }, t("cancel")));
    this.sure.hidden = false;
    this.sure.querySelector("button").focus();
  }

  show() {
    const { update, now, failed } = this.link.facts;
    this.hidden = !update;
    if (!update) return;
    this.present.textContent = t("update.present", { version: update.present });
    const isComing = now?.kind === "update", goesOn = ["waiting", "checking", "installing"].includes(update.state);
    this.choose.disabled = now !== null || goesOn;
    if (this.choose.disabled) this.sure.hidden = true;
    this.said.ariaBusy = isComing || goesOn;
    if (isComing) this.showComing(now);
    else if (failed?.kind === "update") this.say(make("p", { class: "wrong" }, failed.line));
    else if (update.state === "refused") this.showRefused(update);
    else if (TEXTS.has(update.state)) this.showState(update, goesOn);
    else this.say();
  }

  /** Show elements, but only if they differ from those that are shown: a screen reader reads each change aloud. */
  say(...elements) {
    const told = elements.map((element) => element.outerHTML).join();
    if (told !== this.told) this.said.replaceChildren(...elements);
    this.told = told;
  }

  showComing({ name }) {
    const { sending } = this.link;
    if (!this.bar?.isConnected) {
      this.bar = make("progress", { max: 1, "aria-label": name });
      this.say(make("p", {}, t("files.coming", { name })), this.bar, make("button", { type: "button", click: () => this.link.ask("cancel").catch(complain) }, t("cancel")));
    }
    if (sending) this.bar.value = sending.got / sending.file.size;
  }

  showState({ state, signer, version }, goesOn) {
    const text = make("p", {}, t(`update.${state}`, { version }));
    const by = signer ? [make("p", { class: "hint" }, t("update.signer", { signer }))] : [];
    const last = goesOn ? [make("progress", { "aria-label": t("update") })]
      : state === "done" ? [make("button", { type: "button", click: () => location.reload() }, t("update.reload"))] : [];
    this.say(text, ...by, ...last);
  }

  showRefused({ why, line, signer, version, present }) {
    const said = t(`update.why.${why}`, { version, present });
    this.say(make("p", { class: "wrong" }, said), ...(signer ? [make("p", { class: "hint" }, t("update.signer", { signer }))] : []), make("p", { class: "hint", lang: "en" }, line));
  }
}
customElements.define("tb-update", Update);
