"""Chooses the knob positions at which presets sound most like the recordings of their sounds.

A preset has knob positions at some keys. At a note between two of these keys, the knobs stand between their positions.
So a recording may depend on two keys. Therefore the positions at all keys are chosen together, from all recordings of
the sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from training.instrument.points import Playable, Points, decode_points
from training.measure.likeness import Take

# A recording should be nearer to its own preset than to any other preset, by at least APART_DB. The cost of a recording
# is d + max(d + APART_DB - e, 0). d is its distance from its own preset, e its distance from the nearest other preset.
APART_DB = 1.0
MOST_TAKES = 24  # at most this many recordings of a sound are compared
# The search passes over all presets N_PASSES times, each time with N_ROUNDS rounds for each preset. A round tries
# N_TRIED new places, made by changing the N_KEPT best places so far.
N_PASSES, N_ROUNDS, N_TRIED, N_KEPT = 2, 40, 24, 6
FIRST_SPREAD, LAST_SPREAD = 0.15, 0.01  # standard deviation of the changes in the first and the last round
SHARE_CHANGED = 0.4  # each try changes about this share of the positions in a place


@dataclass(frozen=True)
class Place:
    """Where a preset stands. keys: MIDI notes, rising. positions: knob positions at each key, (n_keys, n_latents)."""

    keys: tuple[int, ...]
    positions: np.ndarray

    def at(self, note: int) -> np.ndarray:
        """The knob positions at a MIDI note, (n_latents,)."""
        return _between(self.keys, self.positions, note)


def better_places(
    instrument: Playable, places: dict[str, Place], takes: Sequence[Take], seed: int = 0
) -> dict[str, Place]:
    """For each preset, by name, a place at which it sounds more like the recordings of its sound (see APART_DB).

    places: where the presets stand now. A preset stays there if it has no recordings, or if no better place is found.
    takes: the recordings; those of sounds without a preset are ignored.
    """
    random, found = np.random.default_rng(seed), dict(places)
    for _ in range(N_PASSES):
        for name, place in found.items():
            own = _some([take for take in takes if take.sound[0] == name])
            if own:
                others = [other for key, other in found.items() if key != name]
                found[name] = _better(instrument, place, own, others, random)
    return found


def _some(takes: list[Take]) -> list[Take]:
    """At most MOST_TAKES recordings, evenly chosen in the order of their notes."""
    by_note = sorted(takes, key=lambda take: take.note)
    steps = np.linspace(0, len(by_note) - 1, min(MOST_TAKES, len(by_note)))
    return [by_note[step] for step in steps.astype(int)]


def _better(
    instrument: Playable, place: Place, takes: list[Take], others: list[Place], random: np.random.Generator
) -> Place:
    """The best place near `place`. takes: the recordings of the preset's sound. others: places of the other presets."""
    nearest_db = [_nearest_db(instrument, take, others) for take in takes]
    tried = place.positions[None]
    costs = _costs(instrument, place.keys, tried, takes, nearest_db)
    for spread in np.geomspace(FIRST_SPREAD, LAST_SPREAD, N_ROUNDS):
        best = np.argsort(costs, kind="stable")[:N_KEPT]
        new = tried[best][random.integers(0, len(best), N_TRIED)]
        changed = random.random(new.shape) < SHARE_CHANGED
        new = (new + changed * random.normal(0.0, spread, new.shape)).clip(0.0, 1.0)
        tried = np.concatenate([tried[best], new])
        costs = np.concatenate([costs[best], _costs(instrument, place.keys, new, takes, nearest_db)])
    return replace(place, positions=tried[np.argmin(costs)])


def _costs(
    instrument: Playable, keys: tuple[int, ...], tried: np.ndarray, takes: list[Take], nearest_db: list[float]
) -> np.ndarray:
    """The costs of n tried places, (n,).

    tried: for each place, the knob positions at the keys, (n, n_keys, n_latents).
    nearest_db: for each recording, its distance from the nearest of the other presets.
    """
    costs = np.zeros(len(tried))
    for take, other_db in zip(takes, nearest_db, strict=True):
        own_db = _distances_db(instrument, take, _between(keys, tried, take.note))
        costs += own_db + np.maximum(own_db + APART_DB - other_db, 0.0)
    return costs / len(takes)


def _nearest_db(instrument: Playable, take: Take, places: list[Place]) -> float:
    if not places:
        return np.inf
    return float(_distances_db(instrument, take, np.array([place.at(take.note) for place in places])).min())


def _distances_db(instrument: Playable, take: Take, positions: np.ndarray) -> np.ndarray:
    """The distance of a recording from the still sound at each of n knob positions, (n,).

    positions: float (n, n_latents).
    """
    frames = decode_points(instrument, Points(np.full(len(positions), take.note), positions))
    levels_db = band_levels_db(frames, instrument.card.spec)
    return np.array([distance_db(still_db[None], take.levels_db) for still_db in levels_db])


def _between(keys: tuple[int, ...], positions: np.ndarray, note: int) -> np.ndarray:
    """The knob positions at a note, (…, n_latents), linearly interpolated.

    positions: the knob positions at the keys, (…, n_keys, n_latents).
    """
    place = np.interp(note, keys, np.arange(len(keys)))
    lower, share = int(place), place % 1.0
    upper = min(lower + 1, len(keys) - 1)
    return (1.0 - share) * positions[..., lower, :] + share * positions[..., upper, :]
