"""Plays the gallery's piece: six bars and a final chord. Each half is a scene, with sounds of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from export.gallery.audio import at_loudness, note, render
from export.gallery.cast import Heard
from runtime.acoustics.pitch import parse_note
from runtime.events import Event
from runtime.instrument.decoder import Decoder

BEAT_S = 0.56
BAR_BEATS, N_BARS, BARS_OF_A_SCENE = 4.0, 6, 3
LAST_BEATS = 4.0
OCTAVE = 12
TUNE_LUFS = -30.0  # loudness of the tune; it is so low that `at_loudness` need not limit any part's peak
# LEVELS_LU: each part's level relative to the tune. PLACES: each part's place, from -1 (left) to 1 (right).
LEVELS_LU = {"figure": -3.0, "bass": -4.0, "tune": 0.0, "chords": -6.0}
PLACES = {"figure": 0.3, "bass": 0.0, "tune": -0.15, "chords": 0.0}
# The note around which each part is written.
MIDDLES = {"figure": 64, "bass": 43, "tune": 72, "chords": 60}
# BASS: the six bars' bass notes, then that of the final chord. CHORDS: the six bars' chords, then the final chord.
BASS = "A2 F2 C3 D2 E2 E2 A2".split()
CHORDS = ("C4 E4 G4 B4", "C4 E4 F4 A4", "B3 E4 G4", "C4 F4 A4", "B3 E4 A4", "B3 D4 G#4", "A3 C4 E4 B4")
# For each bar, eight tones from low to high. ORDER is the order in which they are played.
BROKEN = ("A3 C4 E4 G4 B4 C5 E5 G5", "F3 A3 C4 E4 G4 A4 C5 E5", "C4 D4 E4 G4 B4 D5 E5 G5",
          "D4 F4 A4 C5 D5 E5 F5 A5", "E3 A3 B3 E4 A4 B4 E5 A5", "E3 G#3 B3 D4 E4 G#4 B4 E5")  # fmt: skip
ORDER = (0, 2, 4, 6, 5, 3, 4, 7)
# Each note of the tune: (beat, length in beats, note, velocity).
TUNE = ((0.0, 2.5, "E5", 84), (2.5, 0.5, "D5", 76), (3.0, 1.0, "B4", 80),
        (4.0, 2.0, "C5", 88), (6.0, 1.0, "A4", 78), (7.0, 1.0, "C5", 86),
        (8.0, 3.0, "G5", 100), (11.0, 0.5, "E5", 80), (11.5, 0.5, "D5", 76),
        (12.0, 2.0, "F5", 96), (14.0, 1.0, "E5", 86), (15.0, 1.0, "D5", 82),
        (16.0, 1.5, "E5", 92), (17.5, 0.5, "A4", 74), (18.0, 2.0, "B4", 84),
        (20.0, 1.0, "D5", 90), (21.0, 1.0, "C5", 82), (22.0, 2.0, "B4", 88))  # fmt: skip
LAST_TUNE = "A4"


class Part(NamedTuple):
    """One part, such as the bass, in one scene."""

    name: str
    events: list[tuple[float, Event]]


def play_piece(instrument: Decoder, scenes: list[dict[str, Heard]]) -> np.ndarray:
    """Play the piece; returns its sound, float32 (n_frames, 2). The caller sets the sound's loudness.

    Each part is rendered separately, so that the part's loudness and its place from left to right can be set.

    scenes: for each scene, the sound of each part, by the part's name.
    """
    played = []
    for number, scene in enumerate(scenes):
        for part in parts_of(number):
            heard = scene[part.name]
            sound = render(instrument, heard.patch, _moved(part, heard))
            placed = sound * np.array([1.0 - PLACES[part.name], 1.0 + PLACES[part.name]], np.float32)
            played.append(at_loudness(placed, TUNE_LUFS + LEVELS_LU[part.name]))
    mixed = np.zeros((max(len(sound) for sound in played), 2), np.float32)
    for sound in played:
        mixed[: len(sound)] += sound
    return mixed


def parts_of(scene: int) -> list[Part]:
    """The parts of a scene; the last scene ends with the final chord. scene: its number, from 0."""
    bars = range(scene * BARS_OF_A_SCENE, (scene + 1) * BARS_OF_A_SCENE)
    ends = bars.stop == N_BARS
    figure, bass, chords = [], [], []
    for bar in bars:
        beat = bar * BAR_BEATS
        tones = BROKEN[bar].split()
        for step in range(8):
            figure += _note(beat + step / 2.0, 0.6, tones[ORDER[step]], 92 if step % 4 == 0 else 74)
        bass += [*_note(beat, 2.4, BASS[bar], 90), *_note(beat + 2.5, 1.4, BASS[bar], 76)]
        chords += [event for name in CHORDS[bar].split() for event in _note(beat, BAR_BEATS - 0.1, name, 76)]
    beats = [beat for beat in TUNE if bars.start * BAR_BEATS <= beat[0] < bars.stop * BAR_BEATS]
    tune = [event for beat, length, name, velocity in beats for event in _note(beat, length - 0.04, name, velocity)]
    if ends:
        beat = N_BARS * BAR_BEATS
        figure += [event for step, name in enumerate("A3 E4 A4 C5 E5".split())
                   for event in _note(beat + step / 4.0, LAST_BEATS - step / 4.0, name, 80)]  # fmt: skip
        bass += _note(beat, LAST_BEATS, BASS[-1], 84)
        chords += [event for name in CHORDS[-1].split() for event in _note(beat, LAST_BEATS, name, 76)]
        tune += _note(beat, LAST_BEATS, LAST_TUNE, 88)
    return [Part("figure", figure), Part("bass", bass), Part("tune", tune), Part("chords", chords)]


def _note(beat: float, length: float, name: str, velocity: int) -> list[tuple[float, Event]]:
    return note(beat * BEAT_S, length * BEAT_S, parse_note(name), velocity)


def _moved(part: Part, heard: Heard) -> list[tuple[float, Event]]:
    """A part's events, moved an octave up or down if that brings them nearer to the sound's recorded notes."""
    if heard.note is None:
        return part.events
    octaves = min(max(round((heard.note - MIDDLES[part.name]) / OCTAVE), -1), 1)
    return [(time_s, type(event)(0, event.note + octaves * OCTAVE, event.velocity)) for time_s, event in part.events]
