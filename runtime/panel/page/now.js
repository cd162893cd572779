// The sound that plays, at the top of the page: its name, whether it is changed, and the sounds before and after it.
import { complain } from "/head.js";
import { leave } from "/leaving.js";
import { button, make } from "/make.js";
import { play } from "/play.js";
import { t } from "/words.js";

class Now extends HTMLElement {
  connectedCallback() {
    this.name = make("strong", { role: "status" });
    this.by = make("span");
    this.changed = button(t("now.changed"), t("now.changed.long"), () => askToSave(), { class: "changed", hidden: true });
    this.append(
      button("‹", t("now.previous"), () => step("previous_sound"), { class: "round" }),
      make("div", { class: "names" }, make("div", { class: "name" }, this.name, this.changed), this.by),
      button("›", t("now.next"), () => step("next_sound"), { class: "round" }),
    );
    for (const news of ["present", "meter", "moved", "change"]) play.addEventListener(news, () => this.show());
    this.show();
  }

  show() {
    const name = play.state ? (play.sound ?? t("now.none")) : "–";
    const by = [play.card?.name ?? " ", ...play.parts.map(({ sound }) => sound)].join(" · ");
    if (this.name.textContent !== name) this.name.textContent = name;
    this.changed.hidden = !play.state || !play.isChanged;
    if (this.by.textContent !== by) this.by.textContent = by;
  }
}
customElements.define("tb-now", Now);

/** Open the part Sounds at the field for the sound's name. */
function askToSave() {
  document.getElementById("tab-sounds").click();
  document.getElementById("save-name").focus();
}

function step(name) {
  leave(() => play.ask("action", { name })).catch(complain);
}
