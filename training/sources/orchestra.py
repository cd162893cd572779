"""The sources `orchestra` and `sections`: sounds of the soundfont MuseScore General (licence MIT, for parts CC0).

- `orchestra`: sustained and struck instruments, from the small package.
- `sections`: string sections, bowed and plucked, from the full package. Their samples are from VSCO 2 CE (CC0).
"""

from __future__ import annotations

from collections.abc import Iterator

from training.sources.folder import ALL, Origin, Take
from training.sources.presets import BOTH, Sound, Soundfont, listed

PACKAGE = "musescore-general-soundfont-small"
SOUNDFONT = Soundfont(
    PACKAGE,
    "usr/share/sounds/sf3/MuseScore_General_Lite.sf3",
    f"usr/share/doc/{PACKAGE}/MuseScore_General_Sample_Sources.csv.gz",
)
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

SECTIONS_PACKAGE = "musescore-general-soundfont"
SECTIONS_SOUNDFONT = Soundfont(
    SECTIONS_PACKAGE,
    "usr/share/sounds/sf3/MuseScore_General_Full.sf3",
    f"usr/share/doc/{SECTIONS_PACKAGE}/MuseScore_General_HQ_Sample_Sources.csv.gz",
)
# _SECTIONS: bank, lowest note and highest note of each section. _WAYS: program and velocities of each way of playing.
_SECTIONS = {
    "violins": (20, "G3", "E7"),
    "violas": (30, "C3", "E6"),
    "celli": (40, "C2", "A5"),
    "basses": (50, "E1", "G4"),
}
_WAYS = {"": (49, BOTH), " tremolo": (44, BOTH), " pizzicato": (45, (100,))}
SECTIONS = tuple(
    Sound(section + way, bank, program, lowest, highest, velocities)
    for section, (bank, lowest, highest) in _SECTIONS.items()
    for way, (program, velocities) in _WAYS.items()
)


def sounds(only: str = "", most_notes: int = ALL) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """For each chosen sound of the orchestra, yield (number of chosen sounds, name, takes, origin).

    only: the name of the sound to choose, empty to choose all.
    most_notes: play at most this many notes of each sound.
    """
    return listed(SOUNDFONT, SOUNDS, only, most_notes)


def section_sounds(only: str = "", most_notes: int = ALL) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """Like `sounds`, for the string sections instead of the orchestra."""
    return listed(SECTIONS_SOUNDFONT, SECTIONS, only, most_notes)
