"""Reads sounds, notes and velocities from the names of files and folders."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from runtime.acoustics.pitch import N_CHROMA, PITCH_CLASSES

_SEPARATORS = re.compile(r"[\s_\-.,;()\[\]{}+]+")
_NOTE = r"([A-G])(#|♯|b|♭|s|sharp|flat)?([0-9])"
_WHOLE_NOTE = re.compile(_NOTE, re.IGNORECASE)
_NOTE_AFTER_WORD = re.compile(rf"(.*[a-z]){_NOTE}")  # as in TrumpetC4
_NOTE_BEFORE_LAYER = re.compile(rf"{_NOTE}((?:v|vel)\d{{1,3}}|ppp?|fff?|mp|mf|p|f)", re.IGNORECASE)  # A0v12 or C4ff
_NAMED_NUMBER = re.compile(r"(?:note|midi|key)(\d{1,3})", re.IGNORECASE)
_LAYER = re.compile(r"(?:velocity|vel|v|layer|lyr)(\d{1,3})(?:rr?\d{1,2})?", re.IGNORECASE)  # as in v2 or v2r1
_TAKE = re.compile(r"(?:rr|take|tk|nr|no|copy|kopie)\d{0,3}", re.IGNORECASE)
DYNAMICS = {"ppp": 16, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 127}
DYNAMICS |= {"pianissimo": 33, "mezzopiano": 64, "mezzoforte": 80, "forte": 96, "fortissimo": 112}
# Words that may say how hard a note is played, but also occur in names such as "soft pad". They count as dynamics only
# if the same name also occurs with another of these words.
WEAK_DYNAMICS = {"soft": 40, "quiet": 40, "medium": 80, "med": 80, "normal": 80, "loud": 115, "hard": 115}
# Numbers such as 2 in `v2` are velocity layers. But if any such number is above HIGHEST_LAYER, all of them are MIDI
# velocities.
HIGHEST_LAYER = 16
LEAST_AGREEING_SHARE = 0.7  # numbers in names are read as notes if at least this share agree with the notes heard
LOWEST_VELOCITY = 16  # a plain number below this one is never a velocity
AGREES_SEMITONES = 0.75
_SHARP = {"": 0, "#": 1, "♯": 1, "s": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}


@dataclass(frozen=True)
class Named:
    """What a file's name says.

    sound: name of the sound, never empty.
    note, velocity: MIDI numbers or None.
    """

    sound: str
    note: int | None = None
    velocity: int | None = None


@dataclass
class _Parts:
    """The parts of a path.

    folders: the folders' names, without notes, numbers and dynamics.
    words: the words of the file's name, without notes, numbers and dynamics.
    numbers: plain numbers of the file's name.
    notes: MIDI notes in the path.
    layers: numbers of velocity layers, such as 2 for `v2`.
    velocity: MIDI velocity, None if not named.
    """

    folders: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)
    layers: list[int] = field(default_factory=list)
    velocity: int | None = None


def read_names(paths: Sequence[PurePath], heard: Sequence[float | None], folder: str) -> list[Named]:
    """Read the names of all files of a folder together, because a single name may be read in several ways.

    paths: relative to the folder.
    heard: the fractional MIDI note heard in each file, or None.
    folder: the folder's own name. If a file is named only by its note, its sound gets the folder's name.
    """
    parts = [_parts(path) for path in paths]
    _numbers_as_notes(parts, heard)
    _weak_words(parts)
    sounds = _sound_names(parts, folder)
    _numbers_as_velocities(parts, sounds)
    highest = max((layer for part in parts for layer in part.layers), default=0)
    return [
        Named(sound, part.notes[-1] if part.notes else None, _velocity(part, highest))
        for part, sound in zip(parts, sounds, strict=True)
    ]


def octave_convention(named: Sequence[int | None], heard: Sequence[float | None]) -> int:
    """How many octaves higher the notes heard are than the notes in the files' names; 0 unless most files agree.

    named: the MIDI note in each file's name, or None.
    heard: the MIDI note heard in each file, or None.
    """
    known = [(note, pitch) for note, pitch in zip(named, heard, strict=True) if note is not None and pitch is not None]
    octaves = Counter(
        round((pitch - note) / N_CHROMA)
        for note, pitch in known
        if abs((pitch - note + 6.0) % N_CHROMA - 6.0) <= AGREES_SEMITONES
    )
    if len(known) < 2 or not octaves:
        return 0
    octave, n_files = octaves.most_common(1)[0]
    return octave if n_files >= max(2, LEAST_AGREEING_SHARE * len(known)) else 0


def _parts(path: PurePath) -> _Parts:
    parts = _Parts()
    for name in path.parts[:-1]:
        words = _read_tokens(name, parts)
        if words:
            parts.folders.append(" ".join(words))
    parts.numbers.clear()  # numbers in folder names are neither notes nor velocities
    parts.words = _read_tokens(path.stem, parts)
    return parts


def _read_tokens(text: str, parts: _Parts) -> list[str]:
    tokens = [token for token in _SEPARATORS.split(unicodedata.normalize("NFC", text)) if token]
    words = []
    for token in tokens:
        if match := _WHOLE_NOTE.fullmatch(token):
            parts.notes.append(_note(match.groups()))
        elif match := _NOTE_BEFORE_LAYER.fullmatch(token):
            parts.notes.append(_note(match.groups()[:3]))
            _read_dynamics(match[4], parts)
        elif match := _NOTE_AFTER_WORD.fullmatch(token):
            words.append(match[1])
            parts.notes.append(_note(match.groups()[1:]))
        elif match := _NAMED_NUMBER.fullmatch(token):
            parts.notes.append(int(match[1]))
        elif token.isdecimal():
            parts.numbers.append(int(token))
        elif not (_read_dynamics(token, parts) or _TAKE.fullmatch(token)):
            words.append(token)
    parts.notes[:] = [note for note in parts.notes if 0 <= note < 128]
    return words


def _read_dynamics(token: str, parts: _Parts) -> bool:
    if token.lower() in DYNAMICS:
        parts.velocity = DYNAMICS[token.lower()]
    elif match := _LAYER.fullmatch(token):
        parts.layers.append(int(match[1]))
    else:
        return False
    return True


def _note(groups: Sequence[str | None]) -> int:
    letter, sharp, octave = groups
    return PITCH_CLASSES.index(letter.upper()) + _SHARP[(sharp or "").lower()] + N_CHROMA * (int(octave) + 1)


def _numbers_as_notes(parts: list[_Parts], heard: Sequence[float | None]) -> None:
    """Use the numbers in the names as MIDI notes if most of them agree with the notes heard; octaves may differ."""
    for place in (-1, 0):
        tried = [
            (part, part.numbers[place], pitch)
            for part, pitch in zip(parts, heard, strict=True)
            if part.numbers and not part.notes and pitch is not None
        ]
        agree = [abs((pitch - number + 6.0) % N_CHROMA - 6.0) <= AGREES_SEMITONES for _, number, pitch in tried]
        # At least three must agree, because by chance one number in eight agrees with the note heard.
        if sum(agree) >= 3 and sum(agree) >= LEAST_AGREEING_SHARE * len(tried):
            for part in parts:
                if part.numbers and not part.notes and part.numbers[place] < 128:
                    part.notes.append(part.numbers.pop(place))


def _weak_words(parts: list[_Parts]) -> None:
    """Use `soft`, `loud` and similar words as dynamics if the same name also occurs with another of these words."""
    found: dict[tuple, set[str]] = defaultdict(set)
    splits = []
    for part in parts:
        weak, folders, words = "", [], []
        for names, kept in ((part.folders, folders), (part.words, words)):
            for name in names:
                if name.lower() in WEAK_DYNAMICS:
                    weak = name.lower()
                else:
                    kept.append(name)
        key = (tuple(map(str.casefold, folders)), tuple(map(str.casefold, words)))
        found[key].add(weak)
        splits.append((key, weak, folders, words))
    for part, (key, weak, folders, words) in zip(parts, splits, strict=True):
        if weak and len(found[key] - {""}) > 1:
            part.folders, part.words = folders, words
            part.velocity = WEAK_DYNAMICS[weak]


def _sound_names(parts: list[_Parts], folder: str) -> list[str]:
    """The name of each file's sound: the words of the file's name, or, if it has none, the name of the file's folder.

    If files in several folders have the same words, the folder's name is put before the words.
    """
    own = [" ".join(part.words) for part in parts]
    places: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for part, name in zip(parts, own, strict=True):
        places[name.casefold()].add(tuple(part.folders))
    names, spelling = [], {}
    for part, name in zip(parts, own, strict=True):
        if not name:
            name = part.folders[-1] if part.folders else folder
        elif len(places[name.casefold()]) > 1 and part.folders and part.folders[-1].casefold() not in name.casefold():
            name = f"{part.folders[-1]} {name}"
        names.append(spelling.setdefault(name.casefold(), name))
    return names


def _numbers_as_velocities(parts: list[_Parts], sounds: list[str]) -> None:
    """Use plain numbers as velocities if only these numbers distinguish files of the same sound and note."""
    groups: dict[tuple[str, int], list[_Parts]] = defaultdict(list)
    for part, sound in zip(parts, sounds, strict=True):
        if part.notes and part.numbers and part.velocity is None and not part.layers:
            groups[sound, part.notes[-1]].append(part)
    for group in groups.values():
        numbers = [part.numbers[-1] for part in group]
        if len(set(numbers)) > 1 and len(set(numbers)) == len(numbers) and min(numbers) >= LOWEST_VELOCITY:
            for part in group:
                part.velocity = min(127, part.numbers[-1])


def _velocity(part: _Parts, highest_layer: int) -> int | None:
    """The MIDI velocity that a file's name gives, or None.

    highest_layer: the highest velocity layer in the names of all files.
    """
    if part.velocity is not None or not part.layers:
        return part.velocity
    layer = part.layers[-1]
    if highest_layer > HIGHEST_LAYER:
        return max(1, min(127, layer))
    return None if highest_layer <= 1 else max(1, round(127 * layer / highest_layer))
