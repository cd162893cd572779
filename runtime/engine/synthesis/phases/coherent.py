"""Coherent phases: peaks of a spectrum become steady sinusoids, all other bins a noise of even loudness.

Source of the sinusoids: identity phase locking, Laroche and Dolson, "Improved phase vocoder time-scale modification
of audio", IEEE Trans. Speech and Audio Processing 7(3), 1999. The noise of even loudness is this project's own.
"""

from __future__ import annotations

import math

import numpy as np

from runtime.engine.synthesis.phases.coherent_tables import N_STARTS, PHASE_MASK, CoherentTables, coherent_tables
from runtime.engine.synthesis.phases.noise import NOISE_POWER
from runtime.engine.synthesis.phases.peaks import PeakFinder

_OUT_OF_REACH = 1 << 40
_LEAST_POWER = 1e-20
# Lanes per NumPy call: most of a plan's cost is call overhead.
_MAX_ROWS = 8


class CoherentPhases:
    """The coherent phases of every lane, given as taps; they depend on no later spectrum.

    A peak shaped like a Hann lobe is a sinusoid: its bins share its frequency, and their signs alternate, as in the
    lobe of a window. Each of the remaining bins is noise: a sinusoid at the bin's centre. From one noise bin to the
    next, the phase step grows by half a cycle. This puts each bin in quadrature with the sum of its two neighbours at
    any time, so that the lobes of the window add up to a steady magnitude. Small random deviations from the half
    cycle, and bands of bins stretched or compressed by up to 2 percent, keep this noise from pulsing and from repeating
    itself.

    Bins below 20 Hz are silent. Lanes are independent. In all methods `lanes` is a run of lanes, and arrays have one
    row for each lane.

    n_bins: how many of a spectrum's bins are heard; fft_size, hop_size: in engine frames; seed: seed of random phases.
    """

    def __init__(self, n_lanes: int, n_bins: int, fft_size: int, hop_size: int, bin_hz: float, seed: int = 0):
        self._tables = coherent_tables(n_bins, fft_size, hop_size, bin_hz, seed)
        self._peaks = PeakFinder(_MAX_ROWS, n_bins, self._tables.n_silent)
        self._scratch = _Scratch(self._tables)
        # np.full writes to the memory now; with np.zeros, the first blend would wait for its memory pages.
        self._phases, self._moves, self._noise_phases = np.full((3, n_lanes, n_bins), 0, np.intp)
        self._gains = np.full((3, n_lanes, n_bins), 0, np.complex64)
        self._levels = np.ones((n_lanes, 1), np.float32)

    def start(self, lane: int, number: int) -> None:
        """Give a new note its first phases, chosen by lane and number, such as its first frame; `plan` must follow."""
        at = (2654435761 * (number * 64 + lane + 1) >> 8) % N_STARTS
        n_bins = self._phases.shape[1]
        self._phases[lane] = self._tables.random_phases[at : at + n_bins]
        self._moves[lane] = self._tables.noise_moves
        self._noise_phases[lane] = self._tables.noise_phases[at : at + n_bins]

    def plan(self, lanes: slice, magnitudes: np.ndarray) -> None:
        """Find the sinusoids of new magnitudes, float32 (n, n_bins); each continues the phase that its peak bin had."""
        for first in range(lanes.start, lanes.stop, _MAX_ROWS):
            run = slice(first, min(first + _MAX_ROWS, lanes.stop))
            rows = magnitudes[first - lanes.start : run.stop - lanes.start]
            self._plan_sinusoids(run, rows)
            self._find_levels(rows, self._levels[run, 0])

    def _plan_sinusoids(self, lanes: slice, magnitudes: np.ndarray) -> None:
        n, tables, scratch = len(magnitudes), self._tables, self._scratch
        phases, moves = self._phases[lanes], self._moves[lanes]
        places, frequencies, are_sinusoids, regions = self._peaks.find(magnitudes)
        peak_moves = np.rint(frequencies * tables.units_per_bin).astype(np.intp)
        # A bin's phase is that of its sinusoid in the middle of the window. The old and the new sinusoid must agree at
        # the hop, where the window begins: so the phase shifts by the change in frequency times half a window.
        shift = np.rint((peak_moves - moves.take(places)) * tables.half_window_hops).astype(np.intp)
        peak_phases = phases.take(places) - scratch.alternating.take(places) + shift
        peak_moves[~are_sinusoids] = _OUT_OF_REACH
        np.take(peak_moves, regions, out=moves, mode="clip")
        np.take(peak_phases, regions, out=phases, mode="clip")
        phases += tables.alternating
        distance, is_noise = scratch.distance[:n], scratch.is_noise[:n]
        unsigned = distance.view(np.uintp)
        np.subtract(moves, tables.lowest_moves, out=distance)
        # Read as an unsigned number, a negative distance is huge, so one comparison checks both ends of the range.
        np.minimum(unsigned, tables.noise, out=unsigned)
        np.equal(unsigned, tables.noise, out=is_noise)
        np.copyto(moves, tables.noise_moves, where=is_noise)
        np.copyto(phases, self._noise_phases[lanes], where=is_noise)
        for table, gains in zip(tables.gains, self._gains, strict=True):
            np.take(table, distance, out=gains[lanes], mode="clip")
        self._gains[:, lanes, : tables.n_silent] = 0.0

    def _find_levels(self, magnitudes: np.ndarray, out: np.ndarray) -> None:
        """Write the K-weighted RMS of spectra with noise phases, divided by that of their sinusoids: about 0.9 to 1."""
        weighted = np.multiply(magnitudes, self._tables.weight, out=self._scratch.weighted[: len(magnitudes)])
        power = np.vecdot(weighted, magnitudes)
        shared = np.vecdot(weighted[:, 1:], magnitudes[:, :-1])
        own, neighbours = NOISE_POWER
        for row, (of_bins, of_neighbours) in enumerate(zip(power.tolist(), shared.tolist(), strict=True)):
            silent = of_bins < _LEAST_POWER
            out[row] = 1.0 if silent else math.sqrt(own + neighbours * of_neighbours / of_bins)

    def advance(self, lanes: slice, n_hops: int = 1) -> None:
        """Advance the phases by n_hops; a negative number goes back, but not to before the last plan."""
        if n_hops == 1:
            self._phases[lanes] += self._moves[lanes]
            self._noise_phases[lanes] += self._tables.noise_moves
        elif n_hops:
            self._phases[lanes] += n_hops * self._moves[lanes]
            self._noise_phases[lanes] += n_hops * self._tables.noise_moves

    def taps(self, lanes: slice, out: np.ndarray) -> None:
        """Write the present hop's taps into `out`, complex64 (n, 3, n_bins); they sound as loud as noise phases."""
        for first in range(lanes.start, lanes.stop, _MAX_ROWS):
            run = slice(first, min(first + _MAX_ROWS, lanes.stop))
            n, at = run.stop - first, first - lanes.start
            indices, phasors = self._scratch.indices[:n], self._scratch.phasors[:n]
            np.bitwise_and(self._phases[run], PHASE_MASK, out=indices)
            np.take(self._tables.unit_phasors, indices, out=phasors, mode="clip")
            phasors.view(np.float32)[:] *= self._levels[run]
            for gains, taps in zip(self._gains, out[at : at + n].swapaxes(0, 1), strict=True):
                np.multiply(gains[run], phasors, out=taps)


class _Scratch:
    """Work arrays, allocated once; alternating: the table of this name, repeated for _MAX_ROWS rows."""

    def __init__(self, tables: CoherentTables):
        shape = _MAX_ROWS, len(tables.alternating)
        self.alternating = np.tile(tables.alternating, _MAX_ROWS)
        self.distance, self.indices = np.zeros((2, *shape), np.intp)
        self.is_noise = np.zeros(shape, bool)
        self.weighted = np.empty(shape, np.float32)
        self.phasors = np.empty(shape, np.complex64)
