"""Computes what the noise bins of coherent phases add to the spectrum of a hop, in which four windows overlap."""

from __future__ import annotations

import numpy as np

from runtime.engine.synthesis.phases.coherent_tables import PHASE_MASK, PHASE_UNITS, CoherentTables
from runtime.engine.synthesis.phases.taps import N_OVERLAPS

_N_KEPT = 4  # number of hops whose turned taps are kept (see `_kept`)
_N_SAMPLES = 16  # at this many samples of a hop, the power of the overlapping windows is computed


class NoiseBins:
    """Gives noise bins their phases in a hop, and adds up the four windows that overlap in the hop.

    fft_size, hop_size: in engine frames.

    The caller fills these attributes:
    first: for each spectrum, the magnitudes of its noise bins times their phasors in hop 0, complex64
        (max_rows, n_bins). `write` reads it.
    mixed: the sum of such products over several spectra, complex64 (n_bins,). `write_mixed` reads it.
    """

    def __init__(self, tables: CoherentTables, fft_size: int, hop_size: int, max_rows: int):
        self._moves, self._unit_phasors = tables.noise_moves, tables.unit_phasors
        n_bins = len(self._moves)
        turns = 2.0 * np.pi * (self._moves / PHASE_UNITS - np.arange(n_bins) * (hop_size / fft_size))
        self._taps = _received(_window_taps(turns, 2.0 * np.pi * hop_size / fft_size))
        # np.full writes to the memory now. With np.zeros, the first hop with a blend would wait for memory pages.
        padded = np.full((max_rows + 1, n_bins + 2), 0.0, np.complex64)
        self.first, self.mixed, self._beside = padded[:-1, 1:-1], padded[-1, 1:-1], _beside(padded)
        self._products = np.full((max_rows, 3, n_bins), 0.0, np.complex64)
        self._turned, phasors = np.full(n_bins, 0, np.intp), np.full((1, n_bins + 2), 0.0, np.complex64)
        self._phasors, self._phasors_beside = phasors[0, 1:-1], _beside(phasors)[0]
        # Taps turned to the phases in a hop. Those of a few hops are kept, because lanes can be in hops with different
        # numbers.
        self._kept = np.full((_N_KEPT, 3, n_bins), 0.0, np.complex64)
        self._kept_hops: list[int | None] = [None] * _N_KEPT
        self._oldest = 0

    def write(self, n: int, hop: int, out: np.ndarray) -> None:
        """Compute the spectra in hop number `hop` from the first n rows of the attribute `first`.

        out: gets the spectra, complex64 (n, n_bins).
        """
        self._write(self._beside[:n], hop, out)

    def write_mixed(self, hop: int, out: np.ndarray) -> None:
        """The same as `write` for the attribute `mixed`; out: complex64 (1, n_bins)."""
        self._write(self._beside[-1:], hop, out)

    def _write(self, beside: np.ndarray, hop: int, out: np.ndarray) -> None:
        products = np.multiply(beside, self._taps_at(hop), out=self._products[: len(beside)])
        np.add(products[:, 0], products[:, 1], out=out)
        out += products[:, 2]

    def _taps_at(self, hop: int) -> np.ndarray:
        if hop in self._kept_hops:
            return self._kept[self._kept_hops.index(hop)]
        number = self._oldest
        self._oldest = (number + 1) % _N_KEPT
        np.multiply(self._moves, hop % PHASE_UNITS, out=self._turned)
        self._turned &= PHASE_MASK
        self._unit_phasors.take(self._turned, out=self._phasors, mode="clip")
        self._kept_hops[number] = hop
        return np.multiply(self._taps, self._phasors_beside, out=self._kept[number])


def _window_taps(turns: np.ndarray, hop_angle: float) -> np.ndarray:
    """What a bin of phase 0 adds to the bin above, to itself and to the bin below: complex128 (3, n_bins).

    turns: each bin's move minus the move of a sinusoid at the bin's centre, in radians.
    hop_angle: the move of a sinusoid at the centre of bin 1, in radians.

    The window that began k hops ago has the taps -exp(i a) / 4, 1 / 2 and -exp(-i a) / 4, where a = k * hop_angle. The
    window keeps the phase with which it began. This phase lies k * turns behind the newest window's phase. If each
    window took the newest window's phase, the sound of a bin whose turns are not 0 would jump at each hop. The sum of
    windows with unequal phases is softer, so the taps of each bin are scaled to keep the bin's power.
    """
    k = np.arange(N_OVERLAPS)[:, None]
    behind, delayed = np.exp(-1j * k * turns), np.exp(1j * k * hop_angle)
    taps = np.stack([-0.5 * delayed * behind, behind, -0.5 * delayed.conj() * behind]).sum(axis=1)
    samples = np.arange(N_OVERLAPS * _N_SAMPLES).reshape(N_OVERLAPS, _N_SAMPLES)
    windows = 0.5 - 0.5 * np.cos(2.0 * np.pi / samples.size * samples)
    power = np.square(np.abs(np.einsum("kx,kn->xn", windows, behind))).mean(axis=0)
    return 0.5 * taps / np.sqrt(power)


def _received(taps: np.ndarray) -> np.ndarray:
    """Order taps by the receiving bin: what the bin below, the bin itself and the bin above add to it."""
    received = np.zeros(taps.shape, np.complex64)
    received[0, 1:], received[1], received[2, :-1] = taps[0, :-1], taps[1], taps[2, 1:]
    return received


def _beside(padded: np.ndarray) -> np.ndarray:
    """For each bin, the values of the bin below, of the bin itself and of the bin above.

    Returns a view (n, 3, n_bins) of `padded`, (n, n_bins + 2).
    """
    return np.lib.stride_tricks.sliding_window_view(padded, padded.shape[1] - 2, axis=1)
