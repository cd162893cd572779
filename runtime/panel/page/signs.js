// Below the map: what the ring and the dot are if the sound moves by itself, and a button that ends this movement.
import { complain, toast } from "/head.js";
import { goBack, present } from "/leaving.js";
import { button, make } from "/make.js";
import { play } from "/play.js";
import { t } from "/words.js";

const UNDO_MS = 60000;

/** Whether a trajectory or an LFO moves the latents of the sound that plays. */
export function movesByItself() {
  const { trajectory, modulation = [] } = play.state?.sound ?? {};
  return Boolean(trajectory) || modulation.some(isOfLatent);
}

function isOfLatent({ target }) {
  return target.startsWith("latent.");
}

export class Signs {
  constructor() {
    this.end = button(t("map.still"), t("map.still.long"), () => holdStill().catch(complain));
    this.element = make("div", { class: "signs quiet" }, make("span", { class: "set" }, t("map.set")),
      make("span", { class: "moves" }, t("map.moves")), this.end);
  }

  show() {
    this.element.classList.toggle("quiet", !movesByItself());
    this.end.hidden = play.parts.length > 0; // a split's sounds are changed one by one
  }
}

/** Play the sound without what moves its latents; the message offers it back. */
async function holdStill() {
  const before = await present(), { trajectory, modulation = [], ...rest } = before.tree;
  await play.ask("sound", { tree: { ...rest, modulation: modulation.filter((each) => !isOfLatent(each)) } });
  await play.moveBack(before.positions, true);
  toast(t("map.stilled", { name: before.name ?? t("now.none") }), { text: t("undo"), do: () => goBack(before), lastsMs: UNDO_MS });
}
