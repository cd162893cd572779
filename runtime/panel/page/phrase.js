// A short phrase that is heard while a button is held, to try a sound.
import { complain } from "/head.js";
import { notes } from "/notes.js";

const HAND = "phrase";
const PHRASE = [[48, 1], [60, 1], [64, 1], [67, 1], [72, 2], [67, 1], [64, 1]]; // notes, and how many steps each lasts
const STEP_MS = 220;

export class Phrase {
  /** ended: called when a button that was held is not any more. */
  constructor(ended) {
    this.ended = ended;
    this.isHeld = false;
  }

  /** Listeners for a button; begin: called first, a promise. */
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
