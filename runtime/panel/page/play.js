// The page's state of `play`, over one WebSocket that reconnects when lost. docs/panel.md describes the messages.
const AGAIN_MS = [300, 600, 1200, 2000];
const ANSWER_LIMIT_MS = 16000;
const MOVES_EVERY_MS = 20;
const MOST_SENT = 8000; // characters; in bytes, still within the limit for a message
const N_BANDS = 256; // of a live picture's spectra
const REFRESH_MS = 120;
const OWN_MOVE_MS = 400; // older news does not move back a target that the page moved within this time
const SETTLED_MS = 1500; // after this time, moves come from the player and not from choosing a sound
const SAME = 1e-4; // a difference of two positions that is none
const OUTSIDE = new Set(["level", "morph", "morph.x", "morph.y"]); // moving these targets does not change the sound to save

/**
 * Events: `present` (playing has begun, changed its instrument or sound, or ended), `moved` (detail: a Set of targets),
 * `meter`, `change`, `control` (detail: the news), `picture` (detail: hz, heard, decoded, latents), `connection`.
 */
class Play extends EventTarget {
  constructor() {
    super();
    this.isConnected = false;
    this.wasConnected = false;
    this.ranges = {}; // target: lowest, highest, unit, spacing
    this.actions = [];
    this.state = null; // null if nothing has played yet
    this.isFresh = true; // false if `state` and other fields are out of date: playing ended, or the connection is lost
    this.isChanged = false; // whether the sound has changed since it was chosen or saved
    this.chosenAt = 0;
    this.cameBackAt = -Infinity; // when a changed sound was chosen again, with its changes
    this.card = null;
    this.instruments = [];
    this.methods = new Set();
    this.positions = new Map();
    this.sound = null; // the name of the sound
    this.wanted = new Map(); // topic: Set of the parts that want its news
    this.waiting = new Map();
    this.lastId = 0;
    this.tries = 0;
    this.unsent = new Map();
    this.movedAt = new Map();
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.watch());
    this.addEventListener("change", ({ detail }) => {
      if (detail.sound === undefined && detail.saved === undefined) return;
      this.settle();
      this.refreshSoon();
    });
  }

  /** Connect, and reconnect whenever the connection is lost. */
  start() {
    this.socket = new WebSocket(`ws://${location.host}/ws`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => (data instanceof ArrayBuffer ? this.takePicture(data) : this.take(JSON.parse(data)));
    this.socket.onclose = () => this.lost();
  }

  /** End the connection until the page is shown again. */
  leave() {
    this.socket?.close();
    this.isConnected = false;
    this.dispatchEvent(new Event("connection"));
  }

  get isPlaying() {
    return this.isConnected && this.isFresh && this.state !== null;
  }

  get targets() {
    return [...this.positions.keys()];
  }

  /** The parts of the sound, as in its file; empty if it has no parts. */
  get parts() {
    return this.state?.whole?.parts ?? [];
  }

  can(method) {
    return this.methods.has(method);
  }

  /** Send a request; return a promise of the answer, rejected with a message for the user. */
  ask(method, params = {}) {
    return new Promise((resolve, reject) => {
      const id = ++this.lastId;
      if (!this.send({ method, params, id })) {
        reject(new Error("lost"));
        return;
      }
      const timer = setTimeout(() => this.answer({ id, error: { message: `${method}: …` } }), ANSWER_LIMIT_MS);
      this.waiting.set(id, { resolve, reject, timer });
    });
  }

  /** Send a request that needs no answer; return false without a connection. */
  tell(method, params = {}) {
    return this.send({ method, params });
  }

  /** Check a condition at each `meter` event; return a promise of whether it became true within the limit. */
  until(isSo, limitMs) {
    return new Promise((resolve) => {
      const end = (found) => {
        this.removeEventListener("meter", look);
        clearTimeout(timer);
        resolve(found);
      };
      const look = () => isSo() && end(true), timer = setTimeout(() => end(isSo()), limitMs);
      this.addEventListener("meter", look);
    });
  }

  /** Start or stop news of a topic, `control` or `picture`; who: the part of the page that wants the news. */
  want(topic, who, isWanted) {
    const those = this.wanted.get(topic) ?? new Set();
    if (isWanted) those.add(who);
    else those.delete(who);
    this.wanted.set(topic, those);
    this.watch();
  }

  /** Request the wanted topics; none while the page is hidden. */
  watch() {
    const topics = document.hidden ? [] : [...this.wanted].filter(([, those]) => those.size).map(([topic]) => topic).sort();
    const text = JSON.stringify(topics);
    if (text !== this.watched && this.tell("watch", { topics })) this.watched = text;
  }

  /** Move the knobs of a sound that was chosen again to where they were; isChanged: whether they had been moved. */
  async moveBack(positions, isChanged) {
    await this.refresh();
    const isElsewhere = ([target, at]) => Math.abs(at - (this.positions.get(target) ?? at)) > SAME;
    this.move(Object.fromEntries(Object.entries(positions).filter(isElsewhere)));
    this.isChanged = isChanged;
    this.cameBackAt = isChanged ? performance.now() : -Infinity;
  }

  /** Mark the sound as unchanged since it was chosen or saved, unless it has just come back with its changes. */
  settle() {
    this.isChanged = performance.now() - this.cameBackAt < SETTLED_MS;
    this.chosenAt = performance.now();
  }

  /** Request the state again after a change of sound, as the new sound may have other targets. */
  refreshSoon() {
    clearTimeout(this.refreshing);
    this.refreshing = setTimeout(() => this.refresh(), REFRESH_MS);
  }

  async refresh() {
    const state = await this.ask("state").catch(() => null);
    if (!state || !this.state) return;
    const since = performance.now() - OWN_MOVE_MS, before = this.positions;
    this.state = state;
    this.positions = new Map(Object.entries(state.positions));
    for (const [target, at] of before) {
      if (this.positions.has(target) && (this.movedAt.get(target) ?? -Infinity) > since) this.positions.set(target, at);
    }
    this.sound = state.name;
    this.dispatchEvent(new Event("present"));
  }

  /** Move targets, {target: position}, 0 to 1 each; many moves in a short time are sent together. */
  move(positions) {
    const now = performance.now();
    for (const [target, position] of Object.entries(positions)) {
      if (!this.positions.has(target)) continue;
      const at = Math.round(Math.min(1, Math.max(0, position)) * 1e5) / 1e5;
      this.positions.set(target, at);
      this.unsent.set(target, at);
      this.movedAt.set(target, now);
      this.isChanged ||= !OUTSIDE.has(target);
    }
    this.dispatchEvent(new CustomEvent("moved", { detail: new Set(Object.keys(positions)) }));
    if (!this.timer) this.sendMoves();
  }

  sendMoves() {
    this.timer = 0;
    if (!this.unsent.size) return;
    this.tell("moves", { positions: Object.fromEntries(this.unsent) });
    this.unsent.clear();
    this.timer = setTimeout(() => this.sendMoves(), MOVES_EVERY_MS);
  }

  /** The value of a target, in its unit, at a position from 0 to 1; as in `control/targets.py`. */
  valueAt(target, position) {
    const { lowest, highest, spacing } = this.rangeOf(target);
    if (spacing === "ratio") return lowest * (highest / lowest) ** position;
    return lowest + (spacing === "square" ? position * position : position) * (highest - lowest);
  }

  rangeOf(target) {
    return this.ranges[target] ?? { lowest: 0, highest: 1, unit: "", spacing: "linear" };
  }

  // --- messages ---

  send(message) {
    const text = JSON.stringify(message);
    if (this.socket?.readyState !== WebSocket.OPEN || text.length > MOST_SENT) return false;
    this.socket.send(text);
    return true;
  }

  take(message) {
    if (message.method === undefined) {
      this.answer(message);
    } else if (message.method === "hello") {
      this.ranges = message.params.targets;
      this.actions = message.params.actions;
      this.isConnected = true;
      this.tries = 0;
      this.watched = "[]";
      this.watch();
      this.dispatchEvent(new Event("connection"));
      this.wasConnected = true;
    } else if (message.method === "play") {
      this.takePresent(message.params);
    } else if (message.method === "meter") {
      this.takeMeter(message.params);
    } else {
      this.dispatchEvent(new CustomEvent(message.method, { detail: message.params }));
    }
  }

  answer({ id, result, error }) {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    this.waiting.delete(id);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(new Error(said(error)));
    else waiting.resolve(result);
  }

  takePresent(present) {
    this.isFresh = Boolean(present) || !this.state;
    if (!this.isFresh) {
      this.dispatchEvent(new Event("present")); // the last state stays shown, greyed
      return;
    }
    this.settle();
    this.state = present?.state ?? null;
    this.card = present?.card ?? null;
    this.instruments = present?.instruments ?? [];
    this.methods = new Set(present?.methods ?? []);
    this.positions = new Map(Object.entries(this.state?.positions ?? {}));
    this.sound = this.state?.name ?? null;
    this.dispatchEvent(new Event("present"));
  }

  takeMeter(news) {
    if (!this.state) return;
    if (this.sound !== news.sound) {
      this.settle();
      this.movedAt.clear(); // those moves were of the sound before
      this.refreshSoon();
    }
    this.sound = news.sound;
    const since = performance.now() - OWN_MOVE_MS;
    const moved = new Set();
    for (const [target, at] of Object.entries(news.moved ?? {})) {
      if ((this.movedAt.get(target) ?? -Infinity) > since) continue;
      if (this.positions.get(target) !== at) moved.add(target);
      this.positions.set(target, at);
    }
    if ([...moved].some((target) => !OUTSIDE.has(target)) && performance.now() - this.chosenAt > SETTLED_MS) this.isChanged = true;
    if (moved.size) this.dispatchEvent(new CustomEvent("moved", { detail: moved }));
    this.dispatchEvent(new CustomEvent("meter", { detail: news }));
  }

  /** Read a live picture; docs/panel.md describes its bytes. */
  takePicture(data) {
    const view = new DataView(data), nNotes = view.getUint8(0), nLatents = view.getUint8(1);
    const heardAt = 4 + 4 * nNotes, decodedAt = heardAt + N_BANDS, latentsAt = decodedAt + N_BANDS;
    const detail = {
      hz: new Float32Array(data, 4, nNotes), heard: new Uint8Array(data, heardAt, N_BANDS),
      decoded: new Uint8Array(data, decodedAt, N_BANDS), latents: new Uint8Array(data, latentsAt, nLatents),
    };
    this.dispatchEvent(new CustomEvent("picture", { detail }));
  }

  lost() {
    this.isConnected = false;
    for (const id of [...this.waiting.keys()]) this.answer({ id, error: { message: "lost" } });
    this.isFresh = !this.state;
    this.dispatchEvent(new Event("present"));
    this.dispatchEvent(new Event("connection"));
    setTimeout(() => this.start(), AGAIN_MS[Math.min(this.tries++, AGAIN_MS.length - 1)]);
  }
}

/** An error's message for the user: what was found, and what to do. */
function said({ message, data }) {
  return data ? `${data.where}: ${data.found}; ${data.remedy}` : message;
}

export const play = new Play();
