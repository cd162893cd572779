// A short phrase that plays while a button is held, to try a sound.
import { complain } from "/head.js";
import { notes } from "/notes.js";

const HAND = "phrase";
const PHRASE = [[48, 1], [60, 1], [64, 1], [67, 1], [72, 2], [67, 1], [64, 1]]; // [note, length in steps]
const STEP_MS = 220;

export class Phrase {
  /** ended: called when a held button is released. */
  constructor(ended) {
    this.ended = ended;
    this.isHeld = false;
  }

  /** Return listeners for a button; begin: called before the first note, returns a promise. */
  holder(begin) {
    const isKey = (event) => event.key === " " || event.key === "Enter";
    const start = () => this.start(begin), end = () => this.end();
    return {
      pointerdown: (event) => event.button === 0 && start(), pointerup: end, pointerleave: end, pointercancel: end, blur: end,
      contextmenu: (event) => event.preventDefault(),
      keydown: (event) => isKey(event) && !event.repeat && start(), keyup: (event) => isKey(event) && end(),
    };
  }

  async start(begin) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.isHeld = true;
    try {
      await begin();
    } catch (error) {
      complain(error);
      this.end();
      return;
    }
    const step = (k) => {
      notes.releaseAll(HAND);
      if (turn !== this.turn) return;
      const [note, nSteps] = PHRASE[k % PHRASE.length];
      notes.press(note, HAND);
      this.timer = setTimeout(() => step(k + 1), nSteps * STEP_MS);
    };
    step(0);
  }

  end() {
    this.turn = (this.turn ?? 0) + 1;
    clearTimeout(this.timer);
    notes.releaseAll(HAND);
    if (!this.isHeld) return;
    this.isHeld = false;
    this.ended();
  }
}
