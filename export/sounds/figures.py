"""Measures one bundled sound, and finds whether it does what its recipe says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from export.sounds.making import goal_lufs, played
from export.sounds.measure import (
    HELD_S,
    SAMPLE_RATE_HZ,
    Movement,
    centroid_hz,
    loudness_lufs,
    mel_levels_db,
    movement,
    movement_times_s,
    play,
)
from export.sounds.recipes import Recipe
from runtime.instrument.decoder import Decoder
from runtime.sound.sound import Sound

SEEDS = (0, 1)
VELOCITIES = range(20, 121, 20)
BRIGHTNESS_HELD_S = 0.7
STRUCK = (0, 4, 7, 12)  # a chord, in semitones above the recipe's first note
# The least movement of a sound that must move, and the least fall in level of a sound that must become softer.
LEAST_MOVEMENT_DB, LEAST_FALL_DB = 3.0, 12.0
LARGEST_LOUDNESS_ERROR_DB = 3.0


class NoteFigures(NamedTuple):
    """What was heard of one note of a sound. The note was played once with each of SEEDS; each time is a take.

    loudness_lufs: the loudness of a take's loudest 0.4 s; the mean over the takes.
    movement: the mean over the takes.
    end_s: time from the note-off to the end of the last voice; the longest time of all takes.
    centroids_hz: the spectral centroid at each of VELOCITIES; empty unless the recipe's `brightens` is set.
    """

    note: int
    loudness_lufs: float
    movement: Movement
    end_s: float
    centroids_hz: tuple[float, ...]


class Figures(NamedTuple):
    """What was heard of a sound.

    peak: the largest sample of a chord at velocity 127; full scale is 1.
    ends: whether all notes ended.
    is_finite: whether every sample was finite.
    """

    notes: tuple[NoteFigures, ...]
    peak: float
    ends: bool
    is_finite: bool


def measured(sound: Sound, recipe: Recipe, instrument: Decoder) -> Figures:
    """Play the sound's notes and measure them."""
    patch = played(sound, instrument)
    chord = play(instrument, patch, [recipe.notes[0] + semitones for semitones in STRUCK], 127)
    takes = [chord]
    notes = []
    for note in recipe.notes:
        own = [play(instrument, patch, [note], seed=seed) for seed in SEEDS]
        takes += own
        moved = [movement(mel_levels_db(take.sound, movement_times_s())) for take in own]
        velocities = VELOCITIES if recipe.brightens else ()
        struck = [play(instrument, patch, [note], velocity, BRIGHTNESS_HELD_S).sound for velocity in velocities]
        loudness = float(np.mean([loudness_lufs(take.sound) for take in own]))
        end_s = max(len(take.sound) for take in own) / SAMPLE_RATE_HZ - HELD_S
        centroids = tuple(centroid_hz(each) for each in struck)
        notes.append(NoteFigures(note, loudness, Movement(*np.mean(moved, axis=0).tolist()), end_s, centroids))
    return Figures(
        tuple(notes),
        float(np.abs(chord.sound).max()),
        all(take.ends for take in takes),
        all(np.isfinite(take.sound).all() for take in takes),
    )


def broken_claims(recipe: Recipe, figures: Figures, lufs: float) -> list[str]:
    """The requirements that the sound does not meet, each as a text that says what is wrong.

    lufs: as for `goal_lufs`, the goal for a sound that plays several notes at a time.
    """
    notes, lufs = figures.notes, goal_lufs(recipe, lufs)
    loudness = float(np.mean([each.loudness_lufs for each in notes]))
    changes = [each.movement for each in notes]
    claims = {
        "a sample is no number": figures.is_finite,
        "a peak is above full scale": figures.peak <= 1.0,
        "a note does not end": figures.ends,
        f"{loudness:.1f} LUFS instead of {lufs:.1f}": abs(loudness - lufs) <= LARGEST_LOUDNESS_ERROR_DB,
        "moves too little": not recipe.moves or min(each.change_db for each in changes) >= LEAST_MOVEMENT_DB,
        "moves": recipe.moves or max(each.most_db for each in changes) < LEAST_MOVEMENT_DB,
        "falls too little": not recipe.falls or max(each.level_db for each in changes) <= -LEAST_FALL_DB,
        "is not brighter when struck harder": all((np.diff(each.centroids_hz) > 0.0).all() for each in notes),
    }
    return [said for said, is_kept in claims.items() if not is_kept]
