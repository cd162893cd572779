"""The source `orchestra`: sustained and struck sounds of the soundfont MuseScore General (MIT, parts CC0)."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runtime.acoustics.pitch import parse_note
from training.sources.folder import ALL, Origin, Take, thinned
from training.sources.packages import debian_file
from training.sources.soundfont import Preset, render

PACKAGE = "musescore-general-soundfont-small"
SOUNDFONT = "usr/share/sounds/sf3/MuseScore_General_Lite.sf3"
CREDITS = f"usr/share/doc/{PACKAGE}/MuseScore_General_Sample_Sources.csv.gz"
FLUID = "Samples: Frank Wen and others, Fluid (R3) GM"  # what the credits name no other source for
STEP = 3  # semitones between two recorded notes


@dataclass(frozen=True)
class Sound:
    """A sound, its preset, its range by note names, and its velocities."""

    name: str
    bank: int
    program: int
    lowest: str
    highest: str
    velocities: tuple[int, ...] = (100,)

    @property
    def notes(self) -> list[int]:
        """The notes to record: from the lowest, every STEP semitones, and no more than one semitone below the top."""
        lowest, highest = parse_note(self.lowest), parse_note(self.highest)
        notes = list(range(lowest, highest + 1, STEP))
        return notes if highest - notes[-1] <= 1 else [*notes, highest]


BOTH = (100, 50)
SOUNDS = (
    Sound("flute", 0, 73, "C4", "C7"),
    Sound("oboe", 0, 68, "A#3", "G6"),
    Sound("clarinet", 0, 71, "D3", "A6", BOTH),
    Sound("bassoon", 0, 70, "A#1", "D5"),
    Sound("alto sax", 0, 65, "C#3", "A5"),
    Sound("trumpet", 0, 56, "E3", "C6", BOTH),
    Sound("muted trumpet", 0, 59, "E3", "C6"),
    Sound("french horns", 0, 60, "B1", "F5"),
    Sound("trombone", 0, 57, "E2", "F5"),
    Sound("tuba", 0, 58, "D1", "F4"),
    Sound("violin", 0, 40, "G3", "E7"),
    Sound("viola", 0, 41, "C3", "E6"),
    Sound("cello", 0, 42, "C2", "C6", BOTH),
    Sound("contrabass", 0, 43, "E1", "C4"),
    Sound("strings", 0, 49, "E1", "C7"),
    Sound("pizzicato", 0, 45, "E1", "C7"),
    Sound("choir aahs", 0, 52, "C2", "C6"),
    Sound("voice oohs", 0, 53, "C2", "C6"),
    Sound("harp", 0, 46, "D#2", "G7"),
    Sound("nylon guitar", 0, 24, "E2", "B5"),
    Sound("grand piano", 0, 0, "C1", "C8", BOTH),
    Sound("electric piano", 0, 4, "G1", "E7"),
    Sound("harpsichord", 0, 6, "F1", "F6"),
    Sound("vibraphone", 0, 11, "F3", "F6"),
    Sound("marimba", 0, 12, "C2", "C7"),
    Sound("celesta", 0, 8, "C4", "C8"),
    Sound("reed organ", 0, 20, "C2", "C7"),
    Sound("accordion", 0, 21, "F2", "A6"),
)


def preset_credits() -> dict[tuple[int, int], str]:
    """Who recorded the samples of each preset (bank, program), as the package's table of sources says."""
    text = gzip.decompress(debian_file(PACKAGE, CREDITS).read_bytes()).decode("utf-8-sig")
    lines = text.splitlines(keepends=True)
    rows = csv.DictReader(lines[1:] if lines[0].startswith("sep=") else lines)
    return {(int(row["Bank #"]), int(row["Preset #"])): _credit(row) for row in rows if row["Bank #"]}


def _credit(row: dict[str, str]) -> str:
    credit = " ".join((row["Sample Credit"] or FLUID).split())
    return f"{row['Preset Name']}. {credit}"


def sounds(only: str = "", most_notes: int = ALL) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """Yield (how many sounds there are, name, takes, origin) of each sound.

    only: the name of one sound; most_notes: how many notes of each sound to record at most.
    """
    soundfont, known = debian_file(PACKAGE, SOUNDFONT), preset_credits()
    chosen = [sound for sound in SOUNDS if only in ("", sound.name)]

    def takes_of(sound: Sound) -> list[Take]:
        notes = thinned(sound.notes, most_notes)
        return render(soundfont, Preset(sound.bank, sound.program, notes, sound.velocities))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for sound, takes in zip(chosen, pool.map(takes_of, chosen), strict=True):
            credit = known[sound.bank, sound.program]
            licence = "MIT (samples: public domain)" if "Public Domain" in credit else "MIT"
            yield len(chosen), sound.name, takes, Origin(licence, f"MuseScore General (Debian {PACKAGE}): {credit}")
