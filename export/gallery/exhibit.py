"""Makes all that the gallery shows of one instrument."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from export.gallery.audio import at_loudness, ogg_bytes
from export.gallery.cast import Heard, cast, hear
from export.gallery.morph import play_morph, stops
from export.gallery.pairs import Pair, joined, make_pairs
from export.gallery.picture import draw
from export.gallery.piece import play_piece
from export.sounds.measure import SAMPLE_RATE_HZ
from runtime.base.errors import UserError
from runtime.config import Config
from runtime.instrument.card import Card
from runtime.instrument.decoder import Decoder
from runtime.sound.choice import programs_of
from runtime.sound.store import instrument_sounds

PIECE, PAIRS, MORPH = "piece", "pairs", "morph"


class Exhibit(NamedTuple):
    """One instrument in the gallery.

    name: as in `./timbrebox instruments`.
    presets: names of the card's presets.
    bundled: names of the bundled sounds.
    players: for each scene of the piece, the sound of each part.
    morph: names of the sounds that the morph reaches, in order.
    lengths_s: length of each audio file, by kind (PIECE, PAIRS, MORPH).
    files: contents by file name.
    """

    name: str
    card: Card
    presets: Sequence[str]
    bundled: Sequence[str]
    players: Sequence[dict[str, Heard]]
    pairs: Sequence[Pair]
    morph: Sequence[str]
    lengths_s: dict[str, float]
    files: dict[str, bytes]


def file_name(instrument: str, kind: str) -> str:
    """The name of the audio file of this kind (PIECE, PAIRS or MORPH); if `kind` is empty, the name of the picture."""
    return f"{instrument}-{kind}.ogg" if kind else f"{instrument}.png"


def make_exhibit(instrument: Decoder, recordings: Path | None) -> Exhibit:
    """Play an instrument, draw its picture, and return the exhibit.

    UserError if the instrument has neither presets nor bundled sounds.
    recordings: a folder with the instrument's recordings and a manifest; None for an exhibit without pairs.
    """
    name = instrument.path.stem
    known = instrument_sounds(instrument.card, name)
    if not known:
        raise UserError(instrument.path, "no presets", "an instrument with presets", "export it again")
    patches = programs_of(Config(), instrument)
    sounds = [hear(title, patch, instrument) for title, patch in zip(known, patches, strict=True)]
    scenes, passed = cast(sounds), stops(sounds, instrument)
    pairs = make_pairs(instrument, sounds, recordings)
    heard = {PIECE: play_piece(instrument, scenes), MORPH: play_morph(instrument, passed)}
    if pairs:
        heard[PAIRS] = joined(pairs)
    heard = {kind: at_loudness(sound) for kind, sound in heard.items()}
    names = [each.name for each in passed]
    files = {file_name(name, kind): ogg_bytes(sound) for kind, sound in heard.items()}
    files[file_name(name, "")] = draw(instrument.card.name, pairs, heard[MORPH], names)
    lengths_s = {kind: _length_s(sound) for kind, sound in heard.items()}
    presets, bundled = ([title for title in known if known[title].origin == origin] for origin in ("card", "bundled"))
    return Exhibit(name, instrument.card, presets, bundled, scenes, pairs, names, lengths_s, files)


def players(exhibit: Exhibit) -> dict[str, list[str]]:
    """For each part of the piece, the names of its sounds, in the order in which the sounds play."""
    parts = ("tune", "chords", "figure", "bass")
    return {part: list(dict.fromkeys(scene[part].name for scene in exhibit.players)) for part in parts}


def _length_s(sound: np.ndarray) -> float:
    return len(sound) / SAMPLE_RATE_HZ
