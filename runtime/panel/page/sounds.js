// Sounds: choose, save, rename, copy, delete with undo; the instruments, and what this one says of itself.
import { complain, toast } from "/head.js";
import { button, make } from "/make.js";
import { play } from "/play.js";
import { noteName, number, t } from "/words.js";

class Sounds extends HTMLElement {
  connectedCallback() {
    this.own = [];
    this.find = make("input", { type: "search", placeholder: t("sounds.find"), "aria-label": t("sounds.find"), input: () => this.show() });
    this.name = make("input", { id: "save-name", required: true, maxlength: 100, autocomplete: "off" });
    this.ownList = make("ul", { class: "list" });
    this.theirs = make("ul", { class: "list theirs" });
    this.theirTitle = make("h2");
    this.instruments = make("div", { class: "instruments" });
    this.append(
      make("div", { class: "column" },
        make("form", { class: "save", submit: (event) => this.save(event) },
          make("label", { for: "save-name" }, t("sounds.name")),
          make("div", {}, this.name, make("button", { class: "main" }, t("sounds.save")))),
        make("h2", {}, t("sounds.own")), this.ownList),
      make("div", { class: "column" }, this.find, this.theirTitle, this.theirs),
      make("div", { class: "column" }, make("h2", {}, t("instruments")), this.instruments),
    );
    play.addEventListener("present", () => this.read());
    play.addEventListener("change", () => this.read());
    play.addEventListener("meter", () => this.shownSound !== play.sound && this.show());
    this.read();
  }

  async read() {
    if (play.isPlaying) {
      try {
        this.own = await play.ask("sounds.list");
      } catch (error) {
        complain(error);
      }
    }
    this.show();
    this.showInstruments();
  }

  show() {
    const isNew = this.shownSound !== play.sound;
    this.shownSound = play.sound;
    if (isNew && document.activeElement !== this.name) this.name.value = play.sound ?? "";
    const words = this.find.value.trim().toLowerCase();
    const fits = (sound) => sound.name && sound.name.toLowerCase().includes(words);
    const names = new Set(this.own.map((sound) => sound.name));
    const own = this.own.filter(fits).map((sound) => this.ownRow(sound.name));
    const theirs = (play.card?.sounds ?? []).filter(fits).map((sound) => make("li", {}, this.choice(sound, names)));
    this.ownList.replaceChildren(...(own.length ? own : [make("li", { class: "none" }, t(words ? "sounds.nothing" : "sounds.none"))]));
    this.theirs.replaceChildren(...(theirs.length ? theirs : [make("li", { class: "none" }, t("sounds.nothing"))]));
    this.theirTitle.textContent = t("sounds.instrument", { name: play.card?.name ?? "…" });
  }

  choice({ name }, own) {
    const number = own ? play.card.sounds.findIndex((sound) => sound.name === name) : -1;
    // A sound of the instrument is chosen by its number, as one of the user's may have its name.
    const params = own?.has(name) ? { number } : { name };
    return make("button", {
      type: "button", class: "choice", "aria-current": name === play.sound ? "true" : false,
      click: () => play.ask("sound", params).catch(complain),
    }, name);
  }

  ownRow(name) {
    const row = make("li", { class: "own" });
    row.append(this.choice({ name }), make("span", { class: "acts" },
      button(t("sounds.rename"), t("sounds.rename.long", { name }), () => this.rename(row, name)),
      button(t("sounds.copy"), t("sounds.copy.long", { name }), () => this.change("sounds.copy", { name, new_name: t("sounds.copyname", { name }) })),
      button(t("sounds.delete"), t("sounds.delete.long", { name }), () => this.remove(name))));
    return row;
  }

  rename(row, name) {
    const input = make("input", { value: name, "aria-label": t("sounds.new", { name }), maxlength: 100, required: true });
    const form = make("form", {
      class: "rename",
      submit: (event) => {
        event.preventDefault();
        if (input.value.trim() === name) this.show();
        else this.change("sounds.rename", { name, new_name: input.value.trim() });
      },
      keydown: (event) => event.key === "Escape" && this.show(),
    }, input, make("button", { class: "main" }, t("ok")), button(t("cancel"), t("cancel"), () => this.show()));
    row.replaceChildren(form);
    input.select();
  }

  async change(method, params, then = () => {}) {
    try {
      then(await play.ask(method, params));
    } catch (error) {
      complain(error);
    }
    this.read();
  }

  save(event) {
    event.preventDefault();
    this.change("save", { name: this.name.value.trim() }, ({ name, replaced }) =>
      toast(t(replaced ? "sounds.replaced" : "sounds.saved", { name }), replaced && this.undoing()));
  }

  remove(name) {
    this.change("sounds.delete", { name }, () => toast(t("sounds.deleted", { name }), this.undoing()));
  }

  undoing() {
    return { text: t("undo"), do: () => this.change("sounds.undo", {}, (line) => toast(line)) };
  }

  // --- instruments ---

  showInstruments() {
    const { card } = play;
    if (!card) return this.instruments.replaceChildren();
    const canSwap = play.can("instrument");
    const rows = play.instruments.map((name) => make("li", {},
      name === card.instrument ? make("span", { class: "choice", "aria-current": "true" }, `${name} · ${t("instrument.playing")}`)
        : canSwap ? make("button", { type: "button", class: "choice", "aria-label": t("instrument.play", { name }), click: () => this.change("instrument", { name }) }, name)
          : make("span", { class: "choice quiet" }, name)));
    this.instruments.replaceChildren(make("ul", { class: "list" }, ...rows),
      canSwap ? "" : make("p", { class: "hint" }, t("instrument.fixed")), this.about(card));
  }

  about(card) {
    const [lowest, highest] = card.note_range;
    const sources = card.sources.length ? card.sources.map((source) => `${source.name} (${source.licence})`) : [card.corpus?.name ?? ""];
    const points = card.measured?.points;
    const facts = [
      [t("card.latents"), card.latents.join(", ")],
      [t("card.notes"), `${noteName(lowest)} – ${noteName(highest)}`],
      [t("card.tune"), points ? `${number(100 * points.in_tune, 1)} % (${t("card.measured", { n: number(points.n_points) })})` : ""],
      [t("card.licence"), typeof card.licence === "string" ? card.licence : ""],
    ].filter(([, text]) => text);
    return make("details", { class: "card" }, make("summary", {}, t("card", { name: card.name })),
      make("dl", {}, ...facts.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]),
        make("dt", {}, t("card.sources")), make("dd", {}, make("ul", {}, ...sources.map((text) => make("li", {}, text))))));
  }
}
customElements.define("tb-sounds", Sounds);
