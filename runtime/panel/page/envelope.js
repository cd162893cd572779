// The envelope as a picture with points to drag; the sliders below the picture are for keyboards and screen readers.
import { draw, make } from "/make.js";
import { play } from "/play.js";
import { t } from "/words.js";

const HEIGHT = 110, EDGE = 10; // pixels
// Shares of the width: attack, decay, a held part, release.
const ATTACK = 0.28, DECAY = 0.28, HELD = 0.14, RELEASE = 0.3;
const TARGETS = ["attack", "decay", "sustain", "release"].map((stage) => `envelope.${stage}`);
const LEAST = 0.06; // keeps points at 0 s apart

export class Envelope extends HTMLElement {
  connectedCallback() {
    if (!this.line) this.build();
    this.moved = ({ detail }) => TARGETS.some((target) => detail.has(target)) && this.show();
    play.addEventListener("moved", this.moved);
    this.show();
  }

  disconnectedCallback() {
    play.removeEventListener("moved", this.moved);
  }

  build() {
    this.line = draw("path", { class: "line" });
    this.area = draw("path", { class: "area" });
    this.points = ["attack", "decay", "release"].map((name) => draw("circle", { r: 7, "data-point": name }));
    this.picture = draw("svg", { height: HEIGHT, "aria-hidden": "true" }, this.area, this.line, ...this.points);
    this.picture.addEventListener("pointerdown", (event) => this.take(event));
    this.picture.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.picture.addEventListener(end, () => (this.point = null));
    this.width = 300;
    new ResizeObserver(() => this.fit()).observe(this.picture);
    this.append(make("p", { class: "unseen" }, t("envelope.picture")), this.picture);
  }

  fit() {
    this.width = this.picture.clientWidth || this.width;
    this.show();
  }

  at(stage) {
    return play.positions.get(`envelope.${stage}`) ?? 0;
  }

  /** The corners of the curve, in pixels. */
  corners() {
    const width = this.width - 2 * EDGE, height = HEIGHT - 2 * EDGE;
    const attack = EDGE + width * ATTACK * Math.max(LEAST, this.at("attack"));
    const decay = attack + width * DECAY * Math.max(LEAST, this.at("decay"));
    const held = decay + width * HELD;
    const level = EDGE + height * (1 - this.at("sustain"));
    const end = held + width * RELEASE * Math.max(LEAST, this.at("release"));
    return { attack, decay, held, level, end, bottom: HEIGHT - EDGE };
  }

  show() {
    const { attack, decay, held, level, end, bottom } = this.corners();
    // A falling stage is steep at first, as the ear hears it.
    const fall = (x0, y0, x1, y1) => `C${x0 + (x1 - x0) * 0.25} ${y0 + (y1 - y0) * 0.8} ${x0 + (x1 - x0) * 0.6} ${y1} ${x1} ${y1}`;
    const curve = `M${EDGE} ${bottom}L${attack} ${EDGE}${fall(attack, EDGE, decay, level)}L${held} ${level}${fall(held, level, end, bottom)}`;
    this.line.setAttribute("d", curve);
    this.area.setAttribute("d", `${curve}L${EDGE} ${bottom}Z`);
    [[attack, EDGE], [decay, level], [end, bottom]].forEach(([x, y], k) => {
      this.points[k].setAttribute("cx", x);
      this.points[k].setAttribute("cy", y);
    });
  }

  place(event) {
    const { left, top } = this.picture.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  take(event) {
    event.preventDefault();
    this.picture.setPointerCapture(event.pointerId);
    const [x, y] = this.place(event);
    const distance = (point) => Math.hypot(point.getAttribute("cx") - x, point.getAttribute("cy") - y);
    this.point = this.points.reduce((best, each) => (distance(each) < distance(best) ? each : best)).dataset.point;
    this.drag(event);
  }

  drag(event) {
    if (!this.point) return;
    const [x, y] = this.place(event), { attack, held } = this.corners();
    const width = this.width - 2 * EDGE;
    if (this.point === "attack") play.move({ "envelope.attack": (x - EDGE) / (width * ATTACK) });
    if (this.point === "release") play.move({ "envelope.release": (x - held) / (width * RELEASE) });
    if (this.point === "decay") {
      const sustain = 1 - (y - EDGE) / (HEIGHT - 2 * EDGE);
      play.move({ "envelope.decay": (x - attack) / (width * DECAY), "envelope.sustain": sustain });
    }
  }
}
customElements.define("tb-envelope", Envelope);
