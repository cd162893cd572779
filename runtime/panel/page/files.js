// Take it with you: record, render a MIDI file, turn a recording into a sound, sounds as files. It has its own WebSocket.
import { complain, toast } from "/head.js";
import { button, make } from "/make.js";
import { notes } from "/notes.js";
import { play } from "/play.js";
import { noteName, number, t } from "/words.js";

const AGAIN_MS = 2000;
const HEARD_MS = 2500;
const NEAR_DB = [[4, "far.very"], [6, "far.near"], [9, "far.like"], [Infinity, "far.off"]];
const SUFFIXES = { midi: [".mid", ".midi"], sound: [".yaml", ".yml", ".timbrebox"] };
const ACCEPTED = { midi: ".mid,.midi,audio/midi", sound: ".yaml,.yml,.timbrebox", recording: "audio/*,.wav,.flac,.ogg,.opus,.mp3,.aif,.aiff" };

/** The connection for files: requests, files to send, and news of the work. docs/panel.md describes the messages. */
export class Link extends EventTarget {
  constructor() {
    super();
    this.waiting = new Map();
    this.lastId = 0;
    this.limits = null;
    this.facts = { now: null, failed: null, piece: null, found: null, taken: null };
    this.sending = null;
  }

  start() {
    if (this.socket) return;
    this.socket = new WebSocket(`ws://${location.host}/files`);
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.socket.onclose = () => this.lost();
  }

  stop() {
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  ask(method, params = {}) {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) return reject(new Error("lost"));
      const id = ++this.lastId;
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ method, params, id }));
    });
  }

  /** Send a file in pieces; at most `window` bytes may be sent and not yet received. */
  async send(kind, file) {
    if (file.size > this.limits[kind]) throw new Error(t("files.large", { name: file.name, mb: number(this.limits[kind] / 2 ** 20) }));
    await this.ask("send", { kind, name: file.name.slice(-200), bytes: file.size });
    this.sending = { file, sent: 0, got: 0 };
    this.sendMore();
  }

  async sendMore() {
    const { sending, limits } = this;
    if (!sending || sending.isReading) return;
    sending.isReading = true;
    while (sending === this.sending && sending.sent < sending.file.size && sending.sent - sending.got < limits.window) {
      const piece = await sending.file.slice(sending.sent, sending.sent + limits.chunk).arrayBuffer().catch(() => null);
      if (sending !== this.sending || this.socket?.readyState !== WebSocket.OPEN) return;
      if (!piece) return this.socket.close(); // the file cannot be read any more
      this.socket.send(piece);
      sending.sent += piece.byteLength;
    }
    sending.isReading = false;
  }

  /** Return a promise that resolves when no work is in progress. */
  idle() {
    return new Promise((resolve) => {
      const look = () => {
        if (this.facts.now && this.socket) return;
        this.removeEventListener("files", look);
        resolve();
      };
      this.addEventListener("files", look);
      look();
    });
  }

  take({ id, result, error, method, params }) {
    if (method === "got") {
      if (this.sending) this.sending.got = params;
      this.dispatchEvent(new Event("files"));
      this.sendMore();
    } else if (method === "limits") {
      this.limits = params;
      this.dispatchEvent(new Event("ready"));
    } else if (method === "files") {
      this.facts = params;
      if (!params.now?.is_coming) this.sending = null;
      this.dispatchEvent(new Event("files"));
    } else {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) waiting?.reject(new Error(error.data ? `${error.data.where}: ${error.data.found}; ${error.data.remedy}` : error.message));
      else waiting?.resolve(result);
    }
  }

  lost() {
    for (const { reject } of this.waiting.values()) reject(new Error("lost"));
    this.waiting.clear();
    this.sending = null;
    if (!this.socket) return;
    this.socket = null;
    setTimeout(() => this.isWanted && this.start(), AGAIN_MS);
  }
}

const link = new Link();

/** Let the browser download a file: {what, name, suffix}. */
async function download(params) {
  const { path } = await link.ask("take", params);
  const anchor = make("a", { href: path, download: "" });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

class Files extends HTMLElement {
  connectedCallback() {
    this.recordings = make("ul", { class: "list" });
    this.format = make("select", { id: "record-format", "aria-label": t("files.format") },
      make("option", { value: "wav 16" }, "WAV, 16 bit"), make("option", { value: "wav 24" }, "WAV, 24 bit"),
      make("option", { value: "flac 16" }, "FLAC, 16 bit"), make("option", { value: "flac 24" }, "FLAC, 24 bit"));
    this.before = make("select", { "aria-label": t("files.before") },
      ...[0, 5, 10, 15].map((s) => make("option", { value: s }, t(s ? "files.before.s" : "files.before.none", { s }))));
    this.recorder = make("button", { type: "button", class: "record", "aria-pressed": "false", click: () => this.record() }, t("files.record"));
    this.work = make("div", { class: "work", role: "status" });
    this.piece = make("div");
    this.found = make("div");
    this.sounds = make("select", { "aria-label": t("files.sound") });
    this.append(
      make("div", { class: "column" }, make("h2", {}, t("files.recordings")),
        make("div", { class: "bar" }, this.recorder, this.format, this.before), this.recordings),
      make("div", { class: "column" }, make("h2", {}, t("files.drop")), this.dropPlace(), this.work, this.piece, this.found),
      make("div", { class: "column" }, make("h2", {}, t("files.sounds")),
        make("p", { class: "hint" }, t("files.sounds.how")),
        make("div", { class: "bar" }, this.sounds,
          make("button", { type: "button", click: () => download({ what: "sound", name: this.sounds.value }).catch(complain) }, t("files.download"))),
        this.chooser("sound", t("files.sound.take")), this.making = make("div", { class: "making", hidden: true })),
    );
    this.prepareMaking();
    link.addEventListener("files", () => this.show());
    link.addEventListener("ready", () => this.read());
    play.addEventListener("meter", ({ detail }) => this.showRecording(detail.recording === true));
    for (const news of ["present", "change"]) play.addEventListener(news, () => this.isOpen && this.read());
    this.show();
  }

  /** Called when this part of the page is shown or hidden; its connection opens when it is shown. */
  set open(isOpen) {
    if (this.isOpen === isOpen) return;
    this.isOpen = link.isWanted = isOpen;
    if (isOpen) {
      if (link.socket?.readyState === WebSocket.OPEN) this.read();
      else link.start();
    } else if (!link.sending && !link.facts.now) {
      link.stop();
    }
  }

  async read() {
    try {
      this.showRecordings(await link.ask("recordings"));
      const own = play.isPlaying ? await play.ask("sounds.list") : [];
      this.sounds.replaceChildren(...own.map(({ name }) => make("option", { value: name }, name)));
      this.sounds.parentElement.hidden = !own.length;
    } catch (error) {
      if (error.message !== "lost") complain(error);
    }
  }

  // --- record ---

  async record() {
    const [format, bits] = this.format.value.split(" ");
    const isOn = this.recorder.getAttribute("aria-pressed") === "true";
    try {
      await link.ask("record", isOn ? { do: "stop" } : { do: "start", format, bits: Number(bits), seconds_before: Number(this.before.value) });
    } catch (error) {
      complain(error);
    }
  }

  showRecording(isOn) {
    if ((this.recorder.getAttribute("aria-pressed") === "true") === isOn) return;
    this.recorder.setAttribute("aria-pressed", isOn);
    this.recorder.textContent = t(isOn ? "files.record.stop" : "files.record");
    this.format.disabled = this.before.disabled = isOn;
    // Another process names the files afterwards.
    if (!isOn && this.isOpen) setTimeout(() => this.read(), 400);
  }

  showRecordings(rows) {
    const items = rows.map(({ name, ended_s: ended, length_s: length, files }) => make("li", { class: "taken" },
      make("span", { class: "what" }, make("strong", {}, name),
        make("span", {}, [length === null ? "" : clock(length), new Date(1000 * ended).toLocaleString()].filter(Boolean).join(" · "))),
      make("span", { class: "acts" },
        ...files.map(({ suffix, bytes }) => button(suffix.slice(1).toUpperCase(), t("files.download.long", { name: name + suffix, size: size(bytes) }),
          () => download({ what: "recording", name, suffix }).catch(complain))),
        button(t("sounds.delete"), t("sounds.delete.long", { name }), () => this.remove(name)))));
    this.recordings.replaceChildren(...(items.length ? items : [make("li", { class: "none" }, t("files.recordings.none"))]));
  }

  async remove(name) {
    try {
      await link.ask("recordings.delete", { name });
      toast(t("sounds.deleted", { name }), { text: t("undo"), do: () => link.ask("recordings.undo").then(() => this.read(), complain) });
    } catch (error) {
      complain(error);
    }
    this.read();
  }

  // --- dropped files ---

  dropPlace() {
    const place = make("div", { class: "drop" }, make("p", {}, t("files.drop.how")),
      make("div", { class: "bar" }, this.chooser("midi", t("files.midi")), this.chooser("recording", t("files.recording"))));
    const mark = (event, isOver) => {
      event.preventDefault();
      place.classList.toggle("over", isOver);
    };
    // Accept drops anywhere on the page while this part is shown; otherwise the browser would open the file.
    const here = (act) => (event) => this.isOpen && event.dataTransfer?.types.includes("Files") && act(event);
    addEventListener("dragover", here((event) => mark(event, true)));
    addEventListener("dragleave", here((event) => mark(event, false)));
    addEventListener("drop", here((event) => {
      mark(event, false);
      const [file] = event.dataTransfer.files;
      if (file) this.send(kindOf(file.name), file);
    }));
    return place;
  }

  chooser(kind, text) {
    const input = make("input", { type: "file", accept: ACCEPTED[kind], class: "unseen", tabindex: -1, "aria-hidden": "true", "aria-label": text, "data-kind": kind });
    input.multiple = kind === "taught";
    input.addEventListener("change", async () => {
      const files = [...input.files];
      input.value = "";
      for (const file of files) {
        if (!(await this.send(kind, file))) break;
        if (input.multiple) await link.idle();
        if (link.facts.failed) break;
      }
    });
    return make("span", {}, input, make("button", { type: "button", click: () => input.click() }, text));
  }

  async send(kind, file) {
    try {
      await link.send(kind, file);
      if (kind === "recording") this.original = file;
      return true;
    } catch (error) {
      complain(error);
      return false;
    }
  }

  // --- the work and its results ---

  show() {
    const { now, failed, piece, found, taken } = link.facts;
    this.showWork(now, failed, taken);
    this.showMaking(link.facts);
    this.showOnce("piece", piece, () => this.showPiece(piece));
    this.showOnce("found", found, () => this.showFound(found));
    if (this.back) this.back.hidden = !link.facts.is_trying;
  }

  /** Show a result only if it has changed, so that the same result does not replace a field or player in use. */
  showOnce(key, value, show) {
    const said = JSON.stringify(value);
    if (this.shown?.[key] === said) return;
    this.shown = { ...this.shown, [key]: said };
    show();
  }

  showWork(now, failed, taken) {
    if (now) {
      const isComing = now.is_coming && link.sending;
      const share = isComing ? link.sending.got / link.sending.file.size : now.share;
      const left = now.left_s === null || now.is_coming ? "" : t("files.left", { time: clock(now.left_s) });
      const bar = make("progress", { max: 1, value: share ?? false, "aria-label": now.name });
      const step = now.step && `files.step.${now.step}` in this.steps ? ` (${this.steps[`files.step.${now.step}`]})` : "";
      const text = t(now.is_coming ? "files.coming" : `files.doing.${now.kind}`, { name: now.name }) + step;
      this.work.replaceChildren(make("p", {}, text), bar, make("p", { class: "hint" }, left || " "),
        button(t("cancel"), t("cancel"), () => link.ask("cancel").catch(complain)));
    } else if (failed) {
      this.work.replaceChildren(make("p", { class: "wrong" }, failed.line));
    } else if (taken) {
      this.work.replaceChildren(make("p", {}, t("files.taken", { name: taken.name })));
      this.showOnce("taken", taken, () => play.dispatchEvent(new CustomEvent("change", { detail: { saved: taken.name } })));
    } else {
      this.work.replaceChildren();
    }
  }

  // --- an instrument ---

  prepareMaking() {
    this.steps = Object.fromEntries(["listening", "training"].map((step) => [`files.step.${step}`, t(`files.step.${step}`)]));
    this.taught = make("p", { class: "hint" });
    this.previews = make("div");
    this.made = make("div");
    const name = make("input", { required: true, maxlength: 60, autocomplete: "off", "aria-label": t("files.make.name"), placeholder: t("files.make.name") });
    const minutes = make("select", { "aria-label": t("files.make.minutes") }, make("option", { value: "" }, t("files.make.time")),
      ...[3, 5, 10, 20, 40].map((n) => make("option", { value: n }, t("files.make.n", { n }))));
    this.makeForm = make("form", { class: "bar", submit: (event) => {
      event.preventDefault();
      link.ask("make", { name: name.value.trim(), minutes: minutes.value ? Number(minutes.value) : null }).catch(complain);
    } }, name, minutes, make("button", { class: "main" }, t("files.make")), button(t("files.forget"), t("files.forget.long"), () => link.ask("forget").catch(complain)));
    this.making.append(make("h2", {}, t("files.instrument")), make("p", { class: "hint" }, t("files.instrument.how")),
      this.chooser("taught", t("files.recordings.choose")), this.taught, this.makeForm, this.previews, this.made);
  }

  showMaking({ can_make: canMake, taught, previews, made, now }) {
    this.making.hidden = !canMake;
    if (!canMake) return;
    this.taught.textContent = taught.n ? t("files.taught", { n: number(taught.n), size: size(taught.bytes) }) : "";
    this.makeForm.hidden = !taught.n || now !== null;
    this.showOnce("previews", previews, () => this.previews.replaceChildren(...(previews ? [
      make("p", { class: "hint" }, t("files.previews")), make("div", { class: "bar" }, ...Array.from({ length: previews }, (_, k) =>
        button(number(k + 1), t("files.preview", { n: k + 1 }), () => this.hearPreview(k))))] : [])));
    this.showOnce("made", made, () => this.made.replaceChildren(...(made ? [make("div", { class: "result" },
      make("p", {}, t("files.made", { name: made.name })),
      make("button", { type: "button", class: "main", click: () => play.ask("instrument", { name: made.name }).catch(complain) }, t("instrument.play", { name: made.name })))] : [])));
  }

  async hearPreview(k) {
    try {
      const { path } = await link.ask("take", { what: "preview", number: k });
      const address = URL.createObjectURL(await (await fetch(path)).blob());
      this.player?.pause();
      this.player = new Audio(address);
      this.player.addEventListener("ended", () => URL.revokeObjectURL(address));
      await this.player.play();
    } catch (error) {
      complain(error);
    }
  }

  showPiece(piece) {
    this.piece.replaceChildren(...(piece ? [make("div", { class: "result" },
      make("p", {}, make("strong", {}, piece.name), ` ${size(piece.bytes)}`),
      ...piece.remarks.map((text) => make("p", { class: "hint" }, text)),
      make("button", { type: "button", class: "main", click: () => download({ what: "piece" }).catch(complain) }, t("files.download")))] : []));
  }

  showFound(found) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
    if (!found) return this.found.replaceChildren();
    const parts = [make("h3", {}, t("files.found", { name: found.name }))];
    if (this.original) {
      this.address = URL.createObjectURL(this.original);
      const player = make("audio", { controls: true, src: this.address, "aria-label": t("files.original") });
      player.addEventListener("error", () => player.replaceWith(make("p", { class: "hint" }, t("files.original.not"))));
      parts.push(make("p", { class: "hint" }, t("files.original")), player);
    }
    parts.push(make("ol", { class: "list" }, ...found.candidates.map((each, k) => this.candidate(each, k, found))),
      make("div", { class: "bar" }, this.back = button(t("files.back"), t("files.back"), () => this.goBack(), { hidden: true })),
      ...found.remarks.map((text) => make("p", { class: "hint" }, text)));
    this.found.replaceChildren(make("div", { class: "result" }, ...parts));
  }

  candidate({ kind, note, cents, is_single_note: isSingle, distance_db: db, nearest_trained: nearest, nearest_trained_db: nearestDb }, k, found) {
    const word = t(NEAR_DB.find(([most]) => db <= most)[1]);
    const about = [
      isSingle ? `${noteName(note)}${Math.abs(cents) >= 1 ? ` ${cents > 0 ? "+" : ""}${number(cents)} ${t("unit.cents")}` : ""}` : t("files.no.note"),
      `${word} (${number(db, 1)} dB)`,
      nearest && nearestDb !== null ? t("files.nearest", { name: nearest, db: number(nearestDb, 1) }) : "",
    ].filter(Boolean).join(" · ");
    const name = make("input", { required: true, maxlength: 100, autocomplete: "off", "aria-label": t("files.keep.name") });
    name.value = k ? `${found.name} ${k + 1}` : found.name;
    return make("li", { class: "taken" },
      make("span", { class: "what" }, make("strong", {}, t(`files.kind.${kind}`) === `files.kind.${kind}` ? kind : t(`files.kind.${kind}`)), make("span", {}, about)),
      make("form", { class: "rename", submit: (event) => { event.preventDefault(); this.keep(k, name.value.trim()); } },
        button(t("files.hear"), t("files.hear.long", { n: k + 1 }), () => this.hear(k, note)), name, make("button", { class: "main" }, t("files.keep"))));
  }

  async hear(k, note) {
    try {
      await link.ask("hear", { number: k });
      clearTimeout(this.heard);
      notes.releaseAll("files");
      notes.press(note, "files");
      this.heard = setTimeout(() => notes.releaseAll("files"), HEARD_MS);
    } catch (error) {
      complain(error);
    }
  }

  async goBack() {
    notes.releaseAll("files");
    await link.ask("back").catch(complain);
  }

  async keep(k, wanted) {
    try {
      const { name } = await link.ask("keep", { number: k, name: wanted });
      toast(t("sounds.saved", { name }));
      play.dispatchEvent(new CustomEvent("change", { detail: { saved: name } }));
    } catch (error) {
      complain(error);
    }
  }
}
customElements.define("tb-files", Files);

/** The kind of a dropped file, from its suffix; a recording if the suffix is unknown. */
function kindOf(name) {
  const ends = (suffixes) => suffixes.some((suffix) => name.toLowerCase().endsWith(suffix));
  return Object.keys(SUFFIXES).find((kind) => ends(SUFFIXES[kind])) ?? "recording";
}

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function size(bytes) {
  return bytes < 1e6 ? `${number(bytes / 1e3, bytes < 1e4 ? 1 : 0)} kB` : `${number(bytes / 1e6, 1)} MB`;
}
