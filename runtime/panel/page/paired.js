// The devices that are paired with a Timbrebox in a network: a list, the code for another device, and ending a pairing.
import { complain, toast } from "/head.js";
import { button, make } from "/make.js";
import { play } from "/play.js";
import { language, t } from "/words.js";

class Paired extends HTMLElement {
  connectedCallback() {
    this.hidden = true;
    this.code = make("p", { class: "code" });
    this.list = make("ul", { class: "list" });
    this.append(make("h2", {}, t("paired")), this.code, this.list);
    play.addEventListener("connection", () => (play.isConnected ? this.look() : this.leave()));
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
    this.look();
  }

  async look() {
    if (!play.isConnected) return;
    try {
      const [{ code }, devices] = await Promise.all([play.ask("paired.code"), play.ask("paired.list")]);
      this.hidden = false;
      this.code.replaceChildren(t("paired.code"), make("strong", {}, code));
      this.list.replaceChildren(...devices.map((device) => this.row(device)));
    } catch {
      this.hidden = true; // a page that only this machine can reach has no paired devices
    }
  }

  row({ id, name, seen_s: seenS, is_this: isThis }) {
    const seen = new Date(seenS * 1000).toLocaleDateString(language);
    const about = isThis ? t("paired.this") : t("paired.seen", { date: seen });
    const end = button(t("paired.end"), t("paired.end.long", { name }), () => this.end(id, name));
    return make("li", {}, make("span", {}, make("strong", {}, name), make("small", {}, about)), end);
  }

  async end(id, name) {
    try {
      await play.ask("paired.end", { id });
      toast(t("paired.ended", { name }));
      this.look();
    } catch (error) {
      complain(error);
    }
  }

  /** Reload, to ask for the code, if this device's pairing has ended. */
  async leave() {
    try {
      const { status } = await fetch("/pair", { cache: "no-store" });
      if (status === 403) location.reload();
    } catch {
      // The page's server does not answer now; it restarts by itself.
    }
  }
}
customElements.define("tb-paired", Paired);
