// The notes that this page plays. Several hands (pointers, computer keys, buttons) may hold one note; the note ends when the last hand releases it.
import { play } from "/play.js";

class Notes extends EventTarget {
  constructor() {
    super();
    this.hands = new Map(); // note: Set of hands
    // After a change of instrument, held keys stay held; if nothing plays any more, no note is held.
    play.addEventListener("present", () => play.isPlaying || this.forget());
  }

  isOn(note) {
    return this.hands.has(note);
  }

  press(note, hand, velocity = 90) {
    if (note < 0 || note > 127) return;
    const hands = this.hands.get(note) ?? new Set();
    hands.add(hand);
    this.hands.set(note, hands);
    play.tell("note", { note, velocity: Math.round(Math.min(127, Math.max(1, velocity))) });
    this.dispatchEvent(new Event("change"));
  }

  release(note, hand) {
    const hands = this.hands.get(note);
    if (!hands?.delete(hand)) return;
    if (!hands.size) {
      this.hands.delete(note);
      play.tell("note", { note, velocity: 0 });
    }
    this.dispatchEvent(new Event("change"));
  }

  /** Release all notes of a hand, or without a hand all notes of this page. */
  releaseAll(hand) {
    for (const [note, hands] of [...this.hands]) {
      for (const each of [...hands]) if (hand === undefined || each === hand) this.release(note, each);
    }
  }

  holds(note, hand) {
    return this.hands.get(note)?.has(hand) ?? false;
  }

  /** End all notes, from any source. */
  panic() {
    this.releaseAll();
    play.tell("action", { name: "panic" });
    this.dispatchEvent(new Event("panic"));
  }

  forget() {
    this.hands.clear();
    this.dispatchEvent(new Event("change"));
  }
}

export const notes = new Notes();
