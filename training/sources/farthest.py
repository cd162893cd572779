"""Chooses sounds that differ: each next sound is the one farthest from all that are chosen already."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

from runtime.acoustics.spectrum import magnitude_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db

HEARD_DB = -40.0  # frames farther than this below the loudest frame are ignored
LEAST_APART_DB = 3.0
Name = TypeVar("Name", bound=Hashable)


def steady_levels(samples: np.ndarray) -> np.ndarray:
    """Mean band levels of each note, in dB: (n_notes, n_bands).

    samples: each note's sound at 44.1 kHz, (n_notes, n_samples).
    """
    levels = []
    for note in samples:
        magnitudes = magnitude_frames(note)
        power = np.square(magnitudes).sum(axis=1)
        levels.append(band_levels_db(magnitudes[power >= power.max() * 10.0 ** (HEARD_DB / 10.0)]).mean(axis=0))
    return np.array(levels)


def farthest(levels_db: Mapping[Name, np.ndarray], first: Name, n: int) -> dict[Name, float]:
    """Choose up to n sounds, beginning with `first`; returns the distance of each in dB.

    It is the distance from the nearest sound that was chosen before. The distance of `first` is infinite.
    Chosen sounds are at least LEAST_APART_DB apart.

    levels_db: `steady_levels` of each sound, all at the same notes.
    """
    chosen = {first: np.inf}
    while len(chosen) < min(n, len(levels_db)):
        apart = {
            name: min(distance_db(levels, levels_db[other]) for other in chosen)
            for name, levels in levels_db.items()
            if name not in chosen
        }
        name = max(apart, key=apart.__getitem__)
        if apart[name] < LEAST_APART_DB:
            break
        chosen[name] = apart[name]
    return chosen
