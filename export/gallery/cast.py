"""Casts the gallery's piece: chooses a sound for each part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from export.sounds.measure import SAMPLE_RATE_HZ, centroid_hz, play
from runtime.acoustics.pitch import hz_to_note
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch

HELD_S = 1.5
STEP_S = 0.02
FROM_S, TO_S = 1.2, 1.45  # the held note's end; its level is the mean between these times
LOWEST_NOTE, HIGHEST_NOTE, USUAL_NOTE = 45, 76, 60
N_SCENES = 2


class Heard(NamedTuple):
    """What is heard of a sound.

    note: mean MIDI note of its recordings, or None.
    lowness: minus `note`; if `note` is None, minus the MIDI note at the sound's mean frequency.
    attack_s: time from the start until the level is within 3 dB of the loudest.
    fall_db: how far the level falls from the loudest moment to the end of the held note.
    """

    name: str
    patch: Patch
    note: int | None
    lowness: float
    attack_s: float
    fall_db: float


def hear(name: str, patch: Patch, instrument: Decoder) -> Heard:
    """Play one note of a sound, and measure it."""
    keys = [played.key for played in patch.trajectories if played.key is not None]
    note = round(sum(keys) / len(keys)) if keys else None
    sound = play(instrument, patch, [min(max(note or USUAL_NOTE, LOWEST_NOTE), HIGHEST_NOTE)], held_s=HELD_S).sound
    held = sound[: round(HELD_S * SAMPLE_RATE_HZ)]
    steps = held[: len(held) // round(STEP_S * SAMPLE_RATE_HZ) * round(STEP_S * SAMPLE_RATE_HZ)]
    power = np.square(steps.reshape(-1, round(STEP_S * SAMPLE_RATE_HZ) * 2)).mean(axis=1)
    level_db = 10.0 * np.log10(np.maximum(power, 1e-12))
    end = level_db[round(FROM_S / STEP_S) : round(TO_S / STEP_S)].mean()
    attack_s = float(np.argmax(level_db > level_db.max() - 3.0)) * STEP_S
    home = note if note is not None else float(hz_to_note(max(centroid_hz(sound), 20.0)))
    return Heard(name, patch, note, -home, attack_s, float(level_db.max() - end))


# How well a sound fits each part, in dB or semitones; a larger value is better. The parts choose in this order: each
# takes the best of the sounds that are left. Each second of attack lowers three of the values by 20 or 40.
FITS: dict[str, Callable[[Heard], float]] = {
    "figure": lambda heard: min(heard.fall_db, 15.0) - 40.0 * heard.attack_s,
    "bass": lambda heard: heard.lowness - 20.0 * heard.attack_s,
    "tune": lambda heard: -0.2 * heard.lowness - 2.0 * heard.fall_db - 40.0 * max(0.0, heard.attack_s - 0.1),
    "chords": lambda heard: -heard.fall_db,
}


def cast(sounds: Sequence[Heard]) -> list[dict[str, Heard]]:
    """For each of N_SCENES scenes, the sound of each part of the piece.

    A sound is used again only after all other sounds have been used.
    """
    scenes, free = [], list(sounds)
    for _ in range(N_SCENES):
        scene = {}
        for part, fits in FITS.items():
            free = free or list(sounds)
            scene[part] = max(free, key=fits)
            free.remove(scene[part])
        scenes.append(scene)
    return scenes
