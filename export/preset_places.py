"""Chooses the knob positions at which each preset sounds most like the recordings of its sound.

A preset has knob positions at some keys. At a note between two of these keys, each knob stands between its positions at
the two keys. So the sound of one note may depend on the positions at two keys. Therefore the positions at all keys are
chosen together, from the recordings of the sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from training.instrument.points import Playable, Points, decode_points
from training.measure.likeness import Take

# Let d be a recording's distance from its own preset, and e its distance from the nearest other preset. d should be
# small, and e should be at least d + APART_DB. So the cost of a recording is d + max(d + APART_DB - e, 0).
APART_DB = 1.0
MOST_TAKES = 24  # at most this many recordings of a sound are compared
# The search visits each preset N_PASSES times, with N_ROUNDS rounds at each visit. A round tries N_TRIED new places: it
# makes them by changing the N_KEPT best places so far.
N_PASSES, N_ROUNDS, N_TRIED, N_KEPT = 2, 40, 24, 6
FIRST_SPREAD, LAST_SPREAD = 0.15, 0.01  # standard deviation of the changes in the first and the last round
SHARE_CHANGED = 0.4  # a new place differs from an old one in about this share of its positions


@dataclass(frozen=True)
class Place:
    """Where a preset stands: its knob positions at some keys.

    keys: MIDI notes, rising.
    positions: the knob positions at each key, (n_keys, n_latents).
    """

    keys: tuple[int, ...]
    positions: np.ndarray

    def at(self, note: int) -> np.ndarray:
        """The knob positions at a MIDI note, (n_latents,)."""
        return _between(self.keys, self.positions, note)


def better_places(
    instrument: Playable, places: dict[str, Place], takes: Sequence[Take], seed: int = 0
) -> dict[str, Place]:
    """Find a better place for each preset: one at which the recordings of its sound cost less (see APART_DB).

    places: the presets' present places, by name. A preset keeps its place if it has no recordings, or if the search
        finds no better place.
    takes: the recordings; a recording of a sound without a preset is ignored.
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
    """Sort the recordings by note, and choose at most MOST_TAKES of them, at even steps."""
    by_note = sorted(takes, key=lambda take: take.note)
    steps = np.linspace(0, len(by_note) - 1, min(MOST_TAKES, len(by_note)))
    return [by_note[step] for step in steps.astype(int)]


def _better(
    instrument: Playable, place: Place, takes: list[Take], others: list[Place], random: np.random.Generator
) -> Place:
    """The best place that the search finds near `place`.

    takes: the recordings of the preset's sound.
    others: places of the other presets.
    """
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
    """The costs of n tried places, (n,). The cost of a place is the mean cost of the recordings (see APART_DB).

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
    """The distances of a recording from n frames that are decoded at its note, in dB, (n,).

    positions: the knob positions for each frame, float (n, n_latents).
    """
    frames = decode_points(instrument, Points(np.full(len(positions), take.note), positions))
    levels_db = band_levels_db(frames, instrument.card.spec)
    return np.array([distance_db(still_db[None], take.levels_db) for still_db in levels_db])


def _between(keys: tuple[int, ...], positions: np.ndarray, note: int) -> np.ndarray:
    """The knob positions at a note, linearly interpolated between the keys, (…, n_latents).

    positions: the knob positions at the keys, (…, n_keys, n_latents).
    """
    place = np.interp(note, keys, np.arange(len(keys)))
    lower, share = int(place), place % 1.0
    upper = min(lower + 1, len(keys) - 1)
    return (1.0 - share) * positions[..., lower, :] + share * positions[..., upper, :]
