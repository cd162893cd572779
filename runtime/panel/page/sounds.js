// Sounds: choose, hear, find, mark, save, rename, copy, delete with undo; the instruments, and the present instrument's card.
import { complain, toast } from "/head.js";
import "/layers.js";
import { goBack, leave, present, swap } from "/leaving.js";
import { button, make, whenReleased } from "/make.js";
import { Phrase } from "/phrase.js";
import { play } from "/play.js";
import { choose, shelf } from "/shelf.js";
import { noteName, number, t } from "/words.js";

class Sounds extends HTMLElement {
  connectedCallback() {
    this.tag = null; // the chosen filter: a tag, or "" for favourites
    this.opened = null; // the sound whose menu is open
    this.show = whenReleased(this, () => this.showNow());
    this.find = make("input", { type: "search", placeholder: t("sounds.find"), "aria-label": t("sounds.find"), input: () => this.show() });
    this.filters = make("div", { class: "filters", role: "group", "aria-label": t("sounds.filter") });
    this.name = make("input", { id: "save-name", required: true, maxlength: 100, autocomplete: "off" });
    this.ownList = make("ul", { class: "list" });
    this.theirs = make("ul", { class: "list theirs" });
    this.theirTitle = make("h2");
    this.instruments = make("div", { class: "instruments" });
    this.layers = make("tb-layers");
    this.phrase = new Phrase(() => this.show());
    this.append(
      make("div", { class: "finding" }, this.find, this.filters),
      make("div", { class: "column" },
        make("form", { class: "save", submit: (event) => this.save(event) },
          make("label", { for: "save-name" }, t("sounds.name")),
          make("div", {}, this.name, make("button", { class: "main" }, t("sounds.save")))),
        make("h2", {}, t("sounds.own")), this.ownList, this.layers),
      make("div", { class: "column" }, this.theirTitle, this.theirs),
      make("div", { class: "column" }, make("h2", {}, t("instruments")), this.instruments),
    );
    play.addEventListener("present", () => this.showAll());
    shelf.addEventListener("change", () => this.show());
    play.addEventListener("meter", () => this.shownSound !== play.sound && this.show());
    this.showAll();
  }

  showAll() {
    this.show();
    const shown = JSON.stringify([play.card?.instrument, play.instruments, play.can("instrument")]);
    if (shown !== this.shownInstruments) this.showInstruments();
    this.shownInstruments = shown;
  }

  showNow() {
    if (this.phrase.isHeld) return; // do not replace the held button
    const isNew = this.shownSound !== play.sound, focus = document.activeElement?.closest("[data-focus]")?.dataset.focus;
    this.shownSound = play.sound;
    if (isNew && document.activeElement !== this.name) this.name.value = play.sound ?? "";
    this.showFilters();
    const own = shelf.own.filter((sound) => this.fits(sound.name, true)).map(({ name }) => this.row(name, true));
    const theirs = (play.card?.sounds ?? []).filter(({ name }) => name && this.fits(name, false)).map(({ name }) => this.row(name, false));
    const none = (text) => [make("li", { class: "none" }, t(text))];
    const nothing = this.tag === "" && !this.find.value.trim() ? "sounds.nofavourite" : "sounds.nothing";
    const isFiltered = this.find.value.trim() !== "" || this.tag !== null;
    this.ownList.replaceChildren(...(own.length ? own : play.state ? none(isFiltered ? nothing : "sounds.none") : []));
    this.theirs.replaceChildren(...(theirs.length ? theirs : none(nothing)));
    this.theirTitle.textContent = t("sounds.instrument", { name: play.card?.name ?? "…" });
    if (focus) this.querySelector(`[data-focus=${CSS.escape(focus)}]`)?.focus();
  }

  fits(name, isOwn) {
    const { favourite, tags } = shelf.markOf(shelf.key(name, isOwn)), words = this.find.value.trim().toLowerCase();
    if (this.tag === "" ? !favourite : this.tag !== null && !tags.includes(this.tag)) return false;
    return [name, ...tags].some((text) => text.toLowerCase().includes(words));
  }

  showFilters() {
    if (this.tag && !shelf.tags.includes(this.tag)) this.tag = null;
    this.filters.replaceChildren(...["", ...shelf.tags].map((tag) => button(tag || `★ ${t("sounds.favourites")}`, t("sounds.only", { name: tag || t("sounds.favourites") }),
      () => {
        this.tag = this.tag === tag ? null : tag;
        this.show();
      }, { "aria-pressed": String(this.tag === tag), class: "chip", "data-focus": `filter ${tag}` })));
  }

  // --- a sound ---

  row(name, isOwn) {
    const key = shelf.key(name, isOwn), { favourite, tags } = shelf.markOf(key), isOpen = this.opened === key;
    const mark = (said) => shelf.mark(key, said).catch(complain);
    const row = make("li", { class: isOwn ? "own" : "" });
    const hold = this.phrase.holder(() => this.audition(name, isOwn));
    row.append(
      make("button", {
        type: "button", class: "star", "aria-pressed": String(favourite), "aria-label": t("sounds.favourite", { name }),
        "data-focus": `star ${key}`, click: () => mark({ favourite: !favourite }),
      }, favourite ? "★" : "☆"),
      make("button", {
        type: "button", class: "choice", "aria-current": name === play.sound ? "true" : false, "data-focus": `choose ${key}`,
        click: () => leave(() => choose(name, isOwn), name).catch(complain),
      }, name, ...(tags.length ? [make("small", {}, tags.join(" · "))] : [])),
      make("button", { type: "button", class: "round hear", "aria-label": t("sounds.hear", { name }), title: t("sounds.hear.how"), "data-focus": `hear ${key}`, ...hold }, "▸"),
      make("button", {
        type: "button", class: "round more", "aria-expanded": String(isOpen), "aria-label": t("sounds.more", { name }), "data-focus": `more ${key}`,
        click: () => { this.opened = isOpen ? null : key; this.show(); },
      }, "⋯"),
    );
    if (isOpen) row.append(make("span", { class: "acts" }, ...this.acts(row, name, isOwn, key)));
    return row;
  }

  acts(row, name, isOwn, key) {
    const { tags } = shelf.markOf(key);
    const act = (kind, params, click) => button(t(`sounds.${kind}`), t(`sounds.${kind}.long`, params), click);
    const made = [act("tags", { name }, () => this.ask(row, t("sounds.tags.how"), tags.join(", "), (text) => shelf.mark(key, { tags: tagsOf(text) })))];
    if (!isOwn) return made;
    return [
      act("rename", { name }, () => this.ask(row, t("sounds.new", { name }), name, (text) => this.rename(name, text))), ...made,
      act("copy", { name }, () => this.change("sounds.copy", { name, new_name: t("sounds.copyname", { name }) })),
      act("parts", { name }, () => this.layers.edit(name)),
      act("delete", { name }, () => this.remove(name)),
    ];
  }

  /** Show a small form in a row; then: receives the entered text. */
  ask(row, label, value, then) {
    const input = make("input", { value, "aria-label": label, placeholder: label, maxlength: 200 });
    const done = () => {
      this.opened = null;
      this.show();
    };
    row.replaceChildren(make("form", {
      class: "rename",
      submit: async (event) => {
        event.preventDefault();
        await Promise.resolve(then(input.value.trim())).catch(complain);
        done();
      },
      keydown: (event) => event.key === "Escape" && done(),
    }, input, make("button", { class: "main" }, t("ok")), button(t("cancel"), t("cancel"), done)));
    input.select();
  }

  async rename(name, newName) {
    if (!newName || newName === name) return;
    await play.ask("sounds.rename", { name, new_name: newName });
    await shelf.moved(name, newName);
    await shelf.read();
  }

  /** Choose a sound to try; the user can return to the previous sound as the knobs had changed it. */
  async audition(name, isOwn) {
    if (!this.former || play.sound === this.former.name) this.former = await present();
    await choose(name, isOwn);
    const { former: before } = this;
    if (before.name === name) return;
    toast(t("sounds.heard", { name }), { text: t("sounds.back", { name: before.name ?? t("now.none") }), do: () => { this.former = null; goBack(before); } });
  }

  // --- changes ---

  async change(method, params, then = () => {}) {
    try {
      then(await play.ask(method, params));
    } catch (error) {
      complain(error);
    }
    shelf.read();
  }

  save(event) {
    event.preventDefault();
    this.change("save", { name: this.name.value.trim() }, ({ name, replaced }) => {
      shelf.trees.delete(name);
      toast(t(replaced ? "sounds.replaced" : "sounds.saved", { name }), replaced && this.undoing());
    });
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
        : canSwap ? make("button", { type: "button", class: "choice", "aria-label": t("instrument.play", { name }), click: () => leave(() => swap(name), name).catch(complain) }, name)
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
        make("dt", {}, t("card.sources")), make("dd", {}, make("ul", { tabindex: 0, "aria-label": t("card.sources") }, ...sources.map((text) => make("li", {}, text))))));
  }
}
customElements.define("tb-sounds", Sounds);

function tagsOf(text) {
  return [...new Set(text.split(",").map((tag) => tag.trim().slice(0, 40)).filter(Boolean))].slice(0, 12);
}
