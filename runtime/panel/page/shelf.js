// The user's sounds as the page knows them, with favourites and tags.
import { play } from "/play.js";

/** Event `change`: sounds, favourites or tags are others. */
class Shelf extends EventTarget {
  constructor() {
    super();
    this.own = []; // name, bank, program
    this.marks = {}; // by key: favourite, tags
    this.trees = new Map(); // of the user's sounds, by name; a promise of each
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

  /** The sound's file as a tree; a promise. */
  tree(name) {
    if (!this.trees.has(name)) {
      const asked = play.ask("sounds.read", { name }).then(({ tree }) => tree);
      asked.catch(() => this.trees.delete(name));
      this.trees.set(name, asked);
    }
    return this.trees.get(name);
  }

  /** The key of a sound's mark; isOwn: it is one of the user's. */
  key(name, isOwn) {
    return `${isOwn ? "" : play.card.instrument}/${name}`;
  }

  markOf(key) {
    return { favourite: false, tags: [], ...this.marks[key] };
  }

  /** Say something of a sound. */
  async mark(key, said) {
    this.marks = await play.ask("sounds.mark", { sound: key, mark: { ...this.markOf(key), ...said } });
    this.dispatchEvent(new Event("change"));
  }

  /** The user's sound has another name: its mark follows. */
  async moved(name, newName) {
    this.trees.delete(name);
    const said = this.marks[`/${name}`];
    if (!said || !newName) return;
    await play.ask("sounds.mark", { sound: `/${name}`, mark: {} });
    await this.mark(`/${newName}`, said);
  }

  /** Every tag in use, by alphabet. */
  get tags() {
    return [...new Set(Object.values(this.marks).flatMap(({ tags }) => tags ?? []))].sort((a, b) => a.localeCompare(b));
  }
}

export const shelf = new Shelf();

/** Choose a sound; of the instrument by its number, as one of the user's may have its name. */
export function choose(name, isOwn) {
  const at = isOwn ? -1 : play.card.sounds.findIndex((sound) => sound.name === name);
  return play.ask("sound", at >= 0 && shelf.own.some((each) => each.name === name) ? { number: at } : { name });
}
