// What the map says of the ring's place: at which pin it is or between which two, and the nearest sounds.
import { make } from "/make.js";
import { around, pairAround, pinAt } from "/nearness.js";
import { t } from "/words.js";

const LEAST_SHARE = 0.01; // of a sound near the ring, to be listed
const HALFWAY = 0.06; // a share of the way so near to one half is half of it

/** What to say of a place between two sounds; share: of the way from a to b. */
export function between({ a, b, share }) {
  if (Math.abs(share - 0.5) <= HALFWAY) return t("map.halfway", { a, b });
  return t("map.between", { a, b, near: share < 0.5 ? a : b });
}

export class Reading {
  constructor() {
    this.first = make("p", { class: "first" });
    this.near = make("ol", { class: "near" });
    this.element = make("div", { class: "nearby" }, make("h3", {}, t("map.ring")),
      make("div", { "aria-live": "polite" }, this.first, make("p", { class: "hint" }, t("map.near")), this.near));
  }

  /**
   * Say where the ring is. spot: its pixel; pins: [[name, spot]]; chosen: the pair that the user chose to be between, as
   * from `pairAround`, if the ring is between the two, else null; liked: as for `pairAround`.
   */
  say(spot, pins, chosen, liked) {
    const pin = chosen ? null : pinAt(spot, pins), pair = chosen ?? pairAround(spot, pins, liked);
    const near = around(spot, pins).filter(([, share]) => share >= LEAST_SHARE);
    const first = pin ? t("map.at", { name: pin }) : pair ? between(pair) : near.length ? t("map.by", { name: near[0][0] }) : "";
    const text = JSON.stringify([first, near.map(([name, share]) => [name, Math.round(20 * share)])]);
    if (this.said === text) return;
    this.said = text;
    if (this.first.textContent !== first) this.first.textContent = first;
    this.near.replaceChildren(...near.map(([name, share]) => {
      const row = make("li", {}, name);
      row.style.setProperty("--share", share);
      return row;
    }));
  }
}
