"""Finds knob positions by the timbre that they give, for any decoder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runtime.acoustics.pitch import N_CHROMA
from training.hearing.descriptors import DESCRIPTORS, describe
from training.instrument.points import Playable, Points, decode_points

# The search first tries N_POINTS random knob positions. Each of N_ROUNDS rounds then tries N_NEAR random positions
# around the best one so far: a normally distributed amount is added to each knob. In the first round, the standard
# deviation of these amounts is NEAR. Each further round halves it.
N_POINTS = 1500
N_NEAR, N_ROUNDS = 100, 3
NEAR = 0.15
N_NOTES = 3
DIGITS = 2  # decimal places of a position; nobody hears a knob move by 0.01


class Timbres:
    """Ranks the timbres that an instrument can make: a timbre of brightness rank 0.9 is brighter than 90 % of them."""

    def __init__(self, instrument: Playable, seed: int = 0):
        self._instrument = instrument
        self.knobs = [latent.name for latent in instrument.card.latents]
        lowest, highest = instrument.card.note_range
        # Notes within an octave of the range's ends are left out: there an instrument sounds worse.
        self._notes = np.linspace(lowest + N_CHROMA, highest - N_CHROMA, N_NOTES).round().astype(int)
        self._random = np.random.default_rng(seed)
        self._points = self._random.random((N_POINTS, len(self.knobs)))
        self._values = self._described(self._points)
        self._sorted = {name: np.sort(values, axis=0) for name, values in self._values.items()}

    def positions(self, wanted: Mapping[str, float]) -> dict[str, float]:
        """The knob positions that give the timbre nearest to `wanted`; all are 0.5 if `wanted` is empty.

        wanted: the names of the descriptors that matter, each with its rank, 0 to 1.
        Returns the knobs' names, each with its position.
        """
        if not wanted:
            return dict.fromkeys(self.knobs, 0.5)
        best = self._nearest(self._points, wanted)
        for number in range(N_ROUNDS):
            steps = self._random.normal(0.0, NEAR / 2.0**number, (N_NEAR, len(self.knobs)))
            best = self._nearest(np.vstack([best, (best + steps).clip(0.0, 1.0)]), wanted)
        return self._named(best)

    def knob(self, descriptor: str) -> tuple[str, float]:
        """The name of the knob that moves a descriptor most; and 1 if it raises the descriptor, -1 if it lowers it."""
        ranks = self._ranks(self._values, descriptor)
        correlations = [np.corrcoef(column, ranks)[0, 1] for column in self._points.T]
        most = int(np.argmax(np.abs(correlations)))
        return self.knobs[most], float(np.sign(correlations[most]))

    def _nearest(self, points: np.ndarray, wanted: Mapping[str, float]) -> np.ndarray:
        points = points.round(DIGITS)
        values = self._described(points)
        distance = sum(np.square(self._ranks(values, name) - rank) for name, rank in wanted.items())
        return points[int(np.argmin(distance))]

    def _described(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Each descriptor's values, (n, N_NOTES), at knob positions (n, n_knobs)."""
        notes = np.tile(self._notes, len(points))
        frames = decode_points(self._instrument, Points(notes, np.repeat(points, N_NOTES, axis=0)))
        spec = self._instrument.card.spec
        return {name: describe(name, frames, notes, spec).reshape(-1, N_NOTES) for name in DESCRIPTORS}

    def _ranks(self, values: Mapping[str, np.ndarray], descriptor: str) -> np.ndarray:
        """Rank n knob positions by a descriptor; returns the ranks, 0 to 1, averaged over the notes: float (n,).

        A rank is the fraction of the random positions that have a lower value.

        values: each descriptor's values at the n positions, (n, N_NOTES).
        """
        columns = zip(values[descriptor].T, self._sorted[descriptor].T, strict=True)
        return np.mean([np.searchsorted(known, column) / len(known) for column, known in columns], axis=0)

    def _named(self, positions: np.ndarray) -> dict[str, float]:
        return dict(zip(self.knobs, positions.round(DIGITS).tolist(), strict=True))
