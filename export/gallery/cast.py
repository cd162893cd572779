"""Chooses a sound for each part of the gallery's piece."""

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
FROM_S, TO_S = 1.2, 1.45  # the level at the held note's end is measured as the mean level between these times
LOWEST_NOTE, HIGHEST_NOTE, USUAL_NOTE = 45, 76, 60
N_SCENES = 2


class Heard(NamedTuple):
    """A sound, and how one note of it is heard.

    note: the mean of its trajectories' keys, as a MIDI note; None if no trajectory has a key.
    lowness: how low the sound is: -`note`. If `note` is None, the MIDI note at the sound's mean frequency, negated.
    attack_s: time from the note's start until its level is within 3 dB of its highest level.
    fall_db: the highest level minus the level at the end of the held note.
    """

    name: str
    patch: Patch
    note: int | None
    lowness: float
    attack_s: float
    fall_db: float


def hear(name: str, patch: Patch, instrument: Decoder) -> Heard:
    """Play one note with a sound, and measure how it is heard."""
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


# For each part, a function that returns how well a sound fits it; a larger value is better. A slow attack lowers three
# of the values, by 20 or 40 per second. The parts choose in this order. Each takes the best of the sounds that are
# left.
FITS: dict[str, Callable[[Heard], float]] = {
    "figure": lambda heard: min(heard.fall_db, 15.0) - 40.0 * heard.attack_s,
    "bass": lambda heard: heard.lowness - 20.0 * heard.attack_s,
    "tune": lambda heard: -0.2 * heard.lowness - 2.0 * heard.fall_db - 40.0 * max(0.0, heard.attack_s - 0.1),
    "chords": lambda heard: -heard.fall_db,
}


def cast(sounds: Sequence[Heard]) -> list[dict[str, Heard]]:
    """Choose the sound of each part of the piece, for each of N_SCENES scenes.

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
