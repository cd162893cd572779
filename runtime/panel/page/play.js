// What plays, as the page knows it: one WebSocket, made again whenever it is lost. docs/panel.md describes the messages.
const AGAIN_MS = [300, 600, 1200, 2000];
const ANSWER_LIMIT_MS = 16000;
const MOVES_EVERY_MS = 20;
const OWN_MOVE_MS = 400; // what the page has moved itself does not jump back when older news arrive

/**
 * Events: `present` (something plays, or another instrument, or nothing any more), `moved` (detail: a Set of targets),
 * `meter`, `change`, `control` (detail: the news), `connection`.
 */
class Play extends EventTarget {
  constructor() {
    super();
    this.isConnected = false;
    this.wasConnected = false;
    this.ranges = {}; // by target: lowest, highest, unit, spacing
    this.actions = [];
    this.state = null; // null: nothing plays
    this.card = null;
    this.instruments = [];
    this.methods = new Set();
    this.positions = new Map();
    this.sound = null; // the name of the sound
    this.topics = [];
    this.waiting = new Map();
    this.lastId = 0;
    this.tries = 0;
    this.unsent = new Map();
    this.movedAt = new Map();
    this.timer = 0;
  }

  /** Connect, and stay connected. */
  start() {
    this.socket = new WebSocket(`ws://${location.host}/ws`);
    this.socket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket.onclose = () => this.lost();
  }

  /** End the connection; if the page is shown again, it is made again. */
  leave() {
    this.socket?.close();
    this.isConnected = false;
    this.dispatchEvent(new Event("connection"));
  }

  get isPlaying() {
    return this.isConnected && this.state !== null;
  }

  get targets() {
    return [...this.positions.keys()];
  }

  can(method) {
    return this.methods.has(method);
  }

  /** Ask for something; a promise of the answer, which fails with what is to be said to the user. */
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

  /** Ask for something without an answer; false if there is no connection. */
  tell(method, params = {}) {
    return this.send({ method, params });
  }

  /** Be told about more topics than those that every page gets, such as `control`. */
  watch(topics) {
    this.topics = topics;
    this.tell("watch", { topics });
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

  /** The value of a target at a position from 0 to 1, in its unit, as `control/targets.py` has it. */
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
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
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
      if (this.topics.length) this.watch(this.topics);
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
    this.state = present?.state ?? null;
    this.card = present?.card ?? null;
    this.instruments = present?.instruments ?? [];
    this.methods = new Set(present?.methods ?? []);
    this.positions = new Map(Object.entries(this.state?.positions ?? {}));
    this.sound = this.state?.sound?.name ?? null;
    this.dispatchEvent(new Event("present"));
  }

  takeMeter(news) {
    if (!this.state) return;
    this.sound = news.sound;
    const since = performance.now() - OWN_MOVE_MS;
    const moved = new Set();
    for (const [target, at] of Object.entries(news.moved ?? {})) {
      if ((this.movedAt.get(target) ?? -Infinity) > since) continue;
      if (this.positions.get(target) !== at) moved.add(target);
      this.positions.set(target, at);
    }
    if (moved.size) this.dispatchEvent(new CustomEvent("moved", { detail: moved }));
    this.dispatchEvent(new CustomEvent("meter", { detail: news }));
  }

  lost() {
    this.isConnected = false;
    for (const id of [...this.waiting.keys()]) this.answer({ id, error: { message: "lost" } });
    if (this.state) this.takePresent(null);
    this.dispatchEvent(new Event("connection"));
    setTimeout(() => this.start(), AGAIN_MS[Math.min(this.tries++, AGAIN_MS.length - 1)]);
  }
}

/** What an error says to the user: what was found, and what to do. */
function said({ message, data }) {
  return data ? `${data.where}: ${data.found}; ${data.remedy}` : message;
}

export const play = new Play();
