// Which controls move which targets, as `play` says; for the marks at the sliders and the part Controls.
import { play } from "/play.js";
import { t } from "/words.js";

class Bound extends EventTarget {
  constructor() {
    super();
    this.rows = []; // as the request `targets` answers
    this.names = new Map(); // the inputs, by number
    play.addEventListener("present", () => this.read());
    play.addEventListener("change", ({ detail }) => {
      if (detail.map !== undefined || detail.learn?.outcome === "learned") this.read();
    });
  }

  /** Read the rows again; the event `change` tells that they are read. */
  async read() {
    if (!play.isPlaying) return; // the connection is lost, or not there yet: keep the last rows
    const devices = play.can("devices") ? await play.ask("devices").catch(() => []) : [];
    const rows = play.can("targets") ? await play.ask("targets").catch(() => []) : play.targets.map((target) => ({ target, moved_by: [] }));
    this.names = new Map(devices.map(({ device, name }) => [device, name]));
    this.rows = rows;
    this.dispatchEvent(new Event("change"));
  }

  /** The controls of inputs that are here and move a target, those that were learned first. */
  controlsOf(target) {
    const all = this.rows.find((row) => row.target === target)?.moved_by ?? [];
    return [...all.filter(isLearned), ...all.filter(isOfInput)];
  }

  /** The name of a control, as people write it; without the input's name if there is only one input. */
  said(control) {
    const [only] = this.names.size === 1 ? this.names.values() : [];
    return capitals(control).replace(` (${only})`, "").replace(` (${only}, learned)`, "").replace(", learned)", ")")
      .replace(" (default map)", ` · ${t("hands.default")}`);
  }

  /** The names of controls without their inputs, in one short text. */
  short(controls) {
    return [...new Set(controls.map((each) => capitals(each).replace(/ \(.*/, "")))].join(", ");
  }

  /** The names of controls, in one text. */
  list(controls) {
    return controls.map((each) => this.said(each)).join(", ");
  }
}
export const bound = new Bound();

/** A control's name as people write it: `CC 21` for `cc 21`. */
export function capitals(control) {
  return control.replace(/^cc (\d+)/, "CC\u00a0$1");
}

/** Whether a control was learned, and is not one of the map's own. */
export function isLearned(control) {
  return control.includes(", learned)");
}

/** Whether a control is in the map of an input that is here; without inputs, the default map is listed. */
export function isOfInput(control) {
  return !isLearned(control) && !control.endsWith("(default map)");
}
