"""A side's phases: its lane's phases, turned by a quarter of a cycle, forwards or back."""

from __future__ import annotations

import numpy as np

from runtime.engine.synthesis.phases.coherent_tables import PHASE_UNITS

# This many neighbouring noise bins turn the same way, so that the side's noise keeps a steady magnitude.
_BAND_BINS = 8
_QUARTER = PHASE_UNITS // 4


class SideTurns:
    """The turns of sides' phases: a quarter of a cycle, in a random direction for each sinusoid and band of noise bins.

    A sinusoid's direction is the one that was drawn for the bin in which its frequency lies.
    of_noise: the turns of noise bins in units of phase, intp (n_bins,).
    noise_signs: the directions of these turns, 1 for forwards and -1 for back, float32 (n_bins,).
    """

    def __init__(self, n_bins: int, units_per_bin: float, seed: int):
        random = np.random.default_rng((seed, 2))
        self._units_per_bin, self._highest = units_per_bin, n_bins - 1
        self._by_bin = _QUARTER * random.choice((-1, 1), n_bins)
        signs = np.repeat(random.choice((-1, 1), n_bins // _BAND_BINS + 1), _BAND_BINS)
        self.of_noise, self.noise_signs = _QUARTER * signs[:n_bins], signs[:n_bins].astype(np.float32)

    def of_sinusoids(self, moves: np.ndarray) -> np.ndarray:
        """How far a side turns the phase of each of a lane's sinusoids, in units of phase, intp (n,).

        moves: how far the phase of each sinusoid turns from hop to hop, as in `Sinusoids`, intp (n,).
        """
        frequencies = np.clip(moves / self._units_per_bin, 0, self._highest).astype(np.intp)
        return self._by_bin.take(frequencies)
