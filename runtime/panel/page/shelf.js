// The user's sounds as the page knows them, with favourites and tags.
import { play } from "/play.js";

/** Event `change`: sounds, favourites or tags have changed. */
class Shelf extends EventTarget {
  constructor() {
    super();
    this.own = []; // [{name, bank, program}]
    this.marks = {}; // key: favourite, tags
    this.trees = new Map(); // name of a user's sound: promise of its tree
    play.addEventListener("present", () => this.read());
    play.addEventListener("change", ({ detail }) => {
      if (detail.saved !== undefined) this.trees.delete(detail.saved);
      this.read();
    });
  }

  async read() {
    if (!play.isPlaying) return;
    const marks = play.can("sounds.marks") ? play.ask("sounds.marks") : {};
    const [own, said] = await Promise.all([play.ask("sounds.list"), marks]).catch(() => [this.own, this.marks]);
    if (JSON.stringify([own, said]) === JSON.stringify([this.own, this.marks])) return;
    [this.own, this.marks] = [own, said];
    this.dispatchEvent(new Event("change"));
  }

  /** Return a promise of a sound's file as a tree. */
  tree(name) {
    if (!this.trees.has(name)) {
      const asked = play.ask("sounds.read", { name }).then(({ tree }) => tree);
      asked.catch(() => this.trees.delete(name));
      this.trees.set(name, asked);
    }
    return this.trees.get(name);
  }

  /** The key of a sound's mark; isOwn: whether the sound is the user's. */
  key(name, isOwn) {
    return `${isOwn ? "" : play.card.instrument}/${name}`;
  }

  markOf(key) {
    return { favourite: false, tags: [], ...this.marks[key] };
  }

  /** Change a sound's favourite or tags. */
  async mark(key, said) {
    this.marks = await play.ask("sounds.mark", { sound: key, mark: { ...this.markOf(key), ...said } });
    this.dispatchEvent(new Event("change"));
  }

  /** Move the mark of a renamed user's sound to the new name. */
  async moved(name, newName) {
    this.trees.delete(name);
    const said = this.marks[`/${name}`];
    if (!said || !newName) return;
    await play.ask("sounds.mark", { sound: `/${name}`, mark: {} });
    await this.mark(`/${newName}`, said);
  }

  /** All tags in use, in alphabetical order. */
  get tags() {
    return [...new Set(Object.values(this.marks).flatMap(({ tags }) => tags ?? []))].sort((a, b) => a.localeCompare(b));
  }
}

export const shelf = new Shelf();

/** Choose a sound; an instrument's sound by number if one of the user's sounds has its name. */
export function choose(name, isOwn) {
  const at = isOwn ? -1 : play.card.sounds.findIndex((sound) => sound.name === name);
  return play.ask("sound", at >= 0 && shelf.own.some((each) => each.name === name) ? { number: at } : { name });
}
