"""Makes the text of the gallery's page, gallery.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from export.gallery.exhibit import MORPH, PAIRS, PIECE, Exhibit, file_name, players
from runtime.acoustics.pitch import note_name
from runtime.instrument.card import Card

FOLDER = "gallery"  # the folder of the audio and the pictures, beside the page
MARK = "<!-- instrument: {} -->"
_MARKED = re.compile(r"<!-- instrument: (.+?) -->\n(.*?)(?=<!-- instrument: |\Z)", re.DOTALL)
PARTS = {"tune": "tune", "chords": "chords", "figure": "broken chords", "bass": "bass"}
HEAD = """# Gallery

What the bundled instruments sound like. Timbrebox's own engine plays everything here, without effects. A link opens or
downloads an OGG file.

- **The piece** is the same for all instruments. How a sound begins and fades, and how high it is, decides which part it
  plays.
- **Recording, then instrument**: one of the recordings that the instrument was made from, then the same note of the
  sound that is named after it, equally loud. Sounds are taken evenly from the list, and of each the middle note; none
  is picked for being near. The number is the distance between the two.
- **The morph** is one held chord. Only the knobs move, from one sound to the next.

All pieces have {lufs:.0f} LUFS. In the pictures, bright is loud.

The figures say how near an instrument comes to its recordings ([how they are measured](likeness.md)). A distance says
how far the levels of 64 bands lie apart. In the tables the network follows each recording by itself. A sound follows
four recordings at most, and takes the notes between from these: it may be farther away.

`./timbrebox gallery --recordings DIR` makes this page.

"""


def sections_of(page: str) -> dict[str, str]:
    """The text of each section of an existing page; the keys are the instruments' names."""
    return {match[1]: match[2].rstrip("\n") + "\n" for match in _MARKED.finditer(page)}


def page_of(sections: Mapping[str, str], lufs: float) -> str:
    """The whole page. lufs: the loudness that the page states."""
    marked = (f"{MARK.format(name)}\n{text}" for name, text in sections.items())
    return HEAD.format(lufs=lufs) + "\n".join(marked)


def section_of(exhibit: Exhibit) -> str:
    """The section of one instrument."""
    parts = [
        f"## {_escaped(exhibit.card.name)}",
        _about(exhibit),
        *_sounds(exhibit),
        "\n".join(_links(exhibit)),
        f"![{_alternative(exhibit)}]({FOLDER}/{file_name(exhibit.name, '')})",
        *_figures(exhibit.card.measured or {}),
        "\n".join(_sources(exhibit.card)),
    ]
    return "\n\n".join(parts) + "\n"


def _about(exhibit: Exhibit) -> str:
    card, measured = exhibit.card, exhibit.card.measured or {}
    lowest, highest = map(note_name, card.note_range)
    lines = []
    if "n_recordings" in measured:
        n_held_out = measured.get("n_held_out") or 0
        more = f" {n_held_out} more were held out, to measure it." if n_held_out else ""
        lines.append(f"Taught from {measured['n_recordings']} recordings.{more}")
    lines.append(f"It has {card.n_latents} knobs. It has learnt {lowest} to {highest}, and plays all other notes, too.")
    return f"{' '.join(lines)}\n\n    ./timbrebox play --instrument {exhibit.name}"


def _sounds(exhibit: Exhibit) -> list[str]:
    lines = []
    if exhibit.presets:
        lines.append(f"**Presets ({len(exhibit.presets)})**: {_listed(exhibit.presets)}")
    if exhibit.bundled:
        how = "[how they are made](sounds.md)"
        lines.append(f"**Further sounds ({len(exhibit.bundled)}, {how})**: {_listed(exhibit.bundled)}")
    return lines


def _links(exhibit: Exhibit) -> list[str]:
    parts = (f"{PARTS[part]}: {', then '.join(map(_escaped, names))}" for part, names in players(exhibit).items())
    lines = [f"- {_link(exhibit, 'The piece', PIECE)}. {'; '.join(parts)}"]
    if exhibit.pairs:
        pairs = (f"{pair.sound} {note_name(pair.note)} ({pair.apart_db:.1f} dB)" for pair in exhibit.pairs)
        lines.append(f"- {_link(exhibit, 'Recording, then instrument', PAIRS)}. {_listed(pairs)}")
    else:
        lines.append("- No recordings to compare: none of its sounds is named after a recording that was at hand.")
    return [*lines, f"- {_link(exhibit, 'The morph', MORPH)}. {' → '.join(map(_escaped, exhibit.morph))}"]


def _link(exhibit: Exhibit, text: str, kind: str) -> str:
    return f"[{text}]({FOLDER}/{file_name(exhibit.name, kind)}), {exhibit.lengths_s[kind]:.0f} s"


def _alternative(exhibit: Exhibit) -> str:
    beside = "left the recordings, right the same notes of the instrument; below, " if exhibit.pairs else ""
    return f"Spectrograms of {_escaped(exhibit.card.name)}: {beside}the morph"


def _figures(measured: Mapping[str, Any]) -> list[str]:
    """A table of the instrument's measured numbers, if there are any.

    If its likeness to its recordings was not measured, a line says so.
    """
    in_tune = measured.get("in_tune", (measured.get("points") or {}).get("in_tune"))
    mean_db = measured.get("corpus_mean_db")
    beaten = "" if mean_db is None else f"{mean_db:.1f} dB, the mean of all recordings of the note"
    figures = (
        ("distance from its recordings", measured.get("path_db"), _db, beaten),
        ("distance from recordings that were held out", measured.get("heldout_path_db"), _db, beaten),
        ("its own recording told from up to seven others", measured.get("told_apart_path"), _share, "12.5 %, chance"),
        ("in tune, at random notes and knobs", in_tune, _share, "98 %, the goal"),
    )
    rows = [f"| {name} | {text(value)} | {beat} |" for name, value, text, beat in figures if value is not None]
    parts = ["\n".join(["| figure | this instrument | to beat |", "|---|---|---|", *rows])] if rows else []
    return parts if measured.get("path_db") is not None else [*parts, "Its likeness to recordings was not measured."]


def _sources(card: Card) -> list[str]:
    """The lines of an HTML element `details` that lists the instrument's sources.

    While the element is closed, it shows only the licences of the sources.
    """
    stated = [(source.licence, source.name, source.url) for source in card.sources]
    if not stated:
        corpus = card.corpus if isinstance(card.corpus, dict) else {}
        names = corpus.get("sources") or ["source not stated"]
        stated = [(str(card.licence or "licence not stated"), str(name), "") for name in names]
    licences = "; ".join(dict.fromkeys(licence for licence, _, _ in stated))
    lines = [f"<details><summary>Sources and licences: {licences}</summary>", ""]
    lines += [f"- {_escaped(f'{licence}: {name}')}{f' ({url})' if url else ''}" for licence, name, url in stated]
    return [*lines, "", "</details>"]


def _db(value: float) -> str:
    return f"{value:.1f} dB"


def _share(value: float) -> str:
    return f"{100.0 * value:.1f} %"


def _listed(names: Iterable[str]) -> str:
    return " · ".join(map(_escaped, names))


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)
