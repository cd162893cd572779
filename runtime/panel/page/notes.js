// The notes that this page plays, and those of the MIDI inputs. Several hands (pointers, computer keys, buttons) may hold
// one note; the note ends when the last hand releases it.
import { play } from "/play.js";

const LOST_MS = 500; // if nothing sounds for so long, no release of a key was missed that still counts

class Notes extends EventTarget {
  constructor() {
    super();
    this.hands = new Map(); // note: Set of hands
    this.theirs = new Map(); // note: Set of the inputs and channels whose key is down
    // After a change of instrument, held keys stay held; if nothing plays any more, no note is held.
    play.addEventListener("present", () => play.isPlaying || this.forget());
    play.addEventListener("control", ({ detail }) => detail.kind.startsWith("Note") && this.hear(detail));
    play.addEventListener("meter", ({ detail }) => this.forgetLost(detail.voices));
    play.want("control", this, true);
  }

  /** Whether a key of this page or of a MIDI input is down. */
  isOn(note) {
    return this.hands.has(note) || this.theirs.has(note);
  }

  /** Whether any key is down. */
  get isHeld() {
    return this.hands.size > 0 || this.theirs.size > 0;
  }

  /** Whether a MIDI input's key of this pitch class is down, in any octave. */
  hears(chroma) {
    return [...this.theirs.keys()].some((note) => note % 12 === chroma);
  }

  /** Take a note of a MIDI input, which `play` has heard itself. */
  hear({ kind, note, velocity, channel, device }) {
    const those = this.theirs.get(note) ?? new Set(), key = `${device} ${channel}`;
    if (kind === "NoteOn" && velocity > 0) those.add(key);
    else those.delete(key);
    if (those.size) this.theirs.set(note, those);
    else this.theirs.delete(note);
    this.heardAt = performance.now();
    this.dispatchEvent(new Event("change"));
  }

  /** Forget the inputs' keys once nothing sounds any more: an unplugged keyboard sends no release. */
  forgetLost(nVoices) {
    if (nVoices) this.heardAt = performance.now();
    if (!this.theirs.size || performance.now() - this.heardAt < LOST_MS) return;
    this.theirs.clear();
    this.dispatchEvent(new Event("change"));
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
    this.theirs.clear();
    this.dispatchEvent(new Event("change"));
  }
}

export const notes = new Notes();
