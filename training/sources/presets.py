"""Plays a soundfont's presets, and reads the credits of their samples."""

from __future__ import annotations

import csv
import gzip
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runtime.acoustics.pitch import parse_note
from training.sources.folder import Origin, Take, thinned
from training.sources.packages import debian_file
from training.sources.soundfont import Preset, render

STEP = 3  # semitones between two recorded notes
SAME_INFO = re.compile(r"same info as (\d+):(\d+)")
FLUID = "Samples: Frank Wen and others, Fluid (R3) GM"  # the credit of presets that have none in the table
CC0, PUBLIC_DOMAIN, MIT = "CC0 (VSCO 2 CE), MIT", "MIT (samples: public domain)", "MIT"
BOTH = (100, 50)  # the velocities of sounds that are recorded loud and soft; the others are recorded at 100 alone


@dataclass(frozen=True)
class Soundfont:
    """A soundfont in a Debian package.

    package: the package's name.
    path: the soundfont's path in the package.
    credits: the path, in the package, of a table with the credits of the soundfont's presets.
    """

    package: str
    path: str
    credits: str


@dataclass(frozen=True)
class Sound:
    """A sound of a soundfont: its preset, the names of its lowest and highest notes, and its velocities."""

    name: str
    bank: int
    program: int
    lowest: str
    highest: str
    velocities: tuple[int, ...] = (100,)

    @property
    def notes(self) -> list[int]:
        """The notes to record: every STEP semitones from the lowest.

        The highest note is added if it lies more than 1 semitone above the last of these.
        """
        lowest, highest = parse_note(self.lowest), parse_note(self.highest)
        notes = list(range(lowest, highest + 1, STEP))
        return notes if highest - notes[-1] <= 1 else [*notes, highest]


def preset_credits(soundfont: Soundfont) -> dict[tuple[int, int], str]:
    """The credit of each preset's samples, by (bank, program)."""
    text = gzip.decompress(debian_file(soundfont.package, soundfont.credits).read_bytes()).decode("utf-8-sig")
    lines = text.splitlines(keepends=True)
    table = csv.DictReader(lines[1:] if lines[0].startswith("sep=") else lines)
    rows = {(int(row["Bank #"]), int(row["Preset #"])): row for row in table if row["Bank #"]}
    return {address: _credit(row, rows) for address, row in rows.items()}


def _credit(row: dict[str, str], rows: dict[tuple[int, int], dict[str, str]]) -> str:
    same = SAME_INFO.match(row["Details"])
    told = rows[int(same[1]), int(same[2])] if same else row
    return " ".join(f"{row['Preset Name']}. {told['Sample Credit'] or FLUID}".split())


def licence_of(credit: str) -> str:
    """The licence of the samples with this credit."""
    if "Sam Gossner" in credit:
        return CC0
    return PUBLIC_DOMAIN if "Public Domain" in credit else MIT


def listed(
    soundfont: Soundfont, sounds: Sequence[Sound], only: str, most_notes: int
) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """For each chosen sound, yield (number of chosen sounds, name, takes, origin).

    only: the name of the sound to choose, empty to choose all.
    most_notes: play at most this many notes of each sound.
    """
    path, known = debian_file(soundfont.package, soundfont.path), preset_credits(soundfont)
    chosen = [sound for sound in sounds if only in ("", sound.name)]

    def takes_of(sound: Sound) -> list[Take]:
        notes = thinned(sound.notes, most_notes)
        return render(path, Preset(sound.bank, sound.program, notes, sound.velocities))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for sound, takes in zip(chosen, pool.map(takes_of, chosen), strict=True):
            credit = known[sound.bank, sound.program]
            source = f"MuseScore General (Debian {soundfont.package}): {credit}"
            yield len(chosen), sound.name, takes, Origin(licence_of(credit), source)
