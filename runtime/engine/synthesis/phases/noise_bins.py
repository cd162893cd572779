"""The noise bins of coherent phases: how they sound in a hop, in which four windows overlap."""

from __future__ import annotations

import numpy as np

from runtime.engine.synthesis.phases.coherent_tables import PHASE_MASK, PHASE_UNITS, CoherentTables
from runtime.engine.synthesis.phases.taps import N_OVERLAPS

_N_SAMPLES = 16  # samples of a hop at which the power of overlapping windows is computed


class NoiseBins:
    """Turns the noise bins of spectra to their phases in a hop, and adds up the four windows that overlap there.

    tables: the tables of the coherent phases; fft_size, hop_size: in engine frames; max_rows: most spectra per call.
    """

    def __init__(self, tables: CoherentTables, fft_size: int, hop_size: int, max_rows: int):
        self._moves, self._unit_phasors = tables.noise_moves, tables.unit_phasors
        n_bins = len(self._moves)
        turns = 2.0 * np.pi * (self._moves / PHASE_UNITS - np.arange(n_bins) * (hop_size / fft_size))
        self._taps = _window_taps(turns, 2.0 * np.pi * hop_size / fft_size)
        self._turned, self._turned_taps, self._hop = np.full(n_bins, 0, np.intp), self._taps.copy(), 0
        # np.full writes to the memory now; with np.zeros, the first blend would wait for its memory pages.
        self._added = np.full((max_rows, n_bins), 0.0, np.complex64)

    def write(self, noise: np.ndarray, hop: int, out: np.ndarray) -> None:
        """Write noise bins as they sound in hop number `hop`; noise, out: complex64 (n, n_bins).

        noise: each bin's magnitude times its phasor in hop 0.
        """
        own, above, below = self._taps_at(hop)
        added = self._added[: len(noise)]
        np.multiply(noise, own, out=out)
        np.multiply(noise, above, out=added)
        out[:, 1:] += added[:, :-1]
        np.multiply(noise, below, out=added)
        out[:, :-1] += added[:, 1:]

    def _taps_at(self, hop: int) -> np.ndarray:
        if hop != self._hop:
            np.multiply(self._moves, hop % PHASE_UNITS, out=self._turned)
            self._turned &= PHASE_MASK
            np.multiply(self._taps, self._unit_phasors.take(self._turned), out=self._turned_taps)
            self._hop = hop
        return self._turned_taps


def _window_taps(turns: np.ndarray, hop_angle: float) -> np.ndarray:
    """What a bin of phase 0 adds to itself, to the bin above and to the bin below: complex64 (3, n_bins).

    turns: by how many radians each bin's move differs from the move of a sinusoid at the bin's centre; hop_angle: the
    move, in radians, of a sinusoid at the centre of bin 1. The window that began k hops ago keeps the phase that it
    had, which is k turns behind. If all windows had the newest one's phase, the sound of a stretched bin would jump at
    each hop. The taps of a Hann window that began k hops ago are 1 / 2, -exp(i a) / 4 and -exp(-i a) / 4, where a is k
    times hop_angle. Windows with unequal phases are softer together, so the taps of each bin are scaled to keep its
    power.
    """
    k = np.arange(N_OVERLAPS)[:, None]
    behind, delayed = np.exp(-1j * k * turns), np.exp(1j * k * hop_angle)
    taps = np.stack([behind, -0.5 * delayed * behind, -0.5 * delayed.conj() * behind]).sum(axis=1)
    samples = np.arange(N_OVERLAPS * _N_SAMPLES).reshape(N_OVERLAPS, _N_SAMPLES)
    windows = 0.5 - 0.5 * np.cos(2.0 * np.pi / samples.size * samples)
    power = np.square(np.abs(np.einsum("kx,kn->xn", windows, behind))).mean(axis=0)
    return (0.5 * taps / np.sqrt(power)).astype(np.complex64)
