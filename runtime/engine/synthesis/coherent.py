"""Coherent phases for decoded magnitude frames: peaks become steady sinusoids, the rest a noise of even loudness.

Source of the first half: identity phase locking, Laroche and Dolson, "Improved phase vocoder time-scale modification
of audio", IEEE Trans. Speech and Audio Processing 7(3), 1999. What is new here is said where it is done.
"""

from __future__ import annotations

import math

import numpy as np

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.spectrum import LOWEST_HEARD_HZ
from runtime.engine.synthesis.hops import N_OVERLAPS
from runtime.engine.synthesis.levels import NOISE_POWER

# Phases are whole numbers, TURN to a full turn, so that they add up without error for ever.
TURN = 1 << 14
_MASK = TURN - 1
# A Hann lobe's neighbours add up to 1 to 1.2 times its peak, a blunter peak is no sinusoid. Both constants were
# chosen for the least re-analysed error over spectra of instruments and of noise.
_BLUNTEST = 1.3
_REACH_BINS = 2.5
_BAND_BINS = 32
_LARGEST_STRETCH = 0.02
_LARGEST_BEND = 0.6
_N_STARTS = 1 << 13
_OUT_OF_REACH = 1 << 40
_LEAST_POWER = 1e-20
# So many lanes are planned at once: most of a plan's cost is in its calls.
_AT_ONCE = 8


class CoherentPhases:
    """The phases of every lane's spectrum, without look-ahead: what `HopSynthesis` has in tables, made as it sounds.

    A local maximum shaped like a Hann lobe is a sinusoid: its bins share its frequency, and neighbours alternate in
    sign, as a window's lobe does. Any other bin is a sinusoid of its own at its centre; the phases of such
    neighbours curve by half a turn, which puts each in quadrature with the sum of the two beside it whatever the
    time: a window's lobes then add up to a steady magnitude. Random bends of that curve, and bands that are stretched
    by up to 2 percent each, keep this noise from pulsing and from repeating itself.

    Bins below 20 Hz are silent. n_bins: magnitudes used of a frame; fft_size, hop_size: in engine frames.
    Nothing of a lane depends on another lane; `lanes` is a run of them, and what is given for each has a row in it.
    """

    def __init__(self, n_lanes: int, n_bins: int, fft_size: int, hop_size: int, bin_hz: float, seed: int = 0):
        self._n_silent = math.ceil(LOWEST_HEARD_HZ / bin_hz)
        self._per_bin = TURN * hop_size / fft_size  # how far a bin's phase moves in a hop
        self._half_frame = 0.5 * fft_size / hop_size  # in hops
        self._bins = np.arange(n_bins)
        self._alternating = self._bins % 2 * (TURN // 2)
        self._bin_moves = np.rint(self._bins * self._per_bin).astype(np.intp)
        self._turns = np.exp(2j * np.pi / TURN * np.arange(TURN)).astype(np.complex64)
        self._reach = int(_REACH_BINS * self._per_bin)
        self._lowest_moves = self._bin_moves - self._reach  # of a sinusoid that a bin belongs to
        self._beyond = np.array(2 * self._reach + 1, np.uintp)
        self._gain_table = self._gains_by_distance(fft_size, hop_size)
        self._weight = k_weighting(self._bins * bin_hz)
        self._weight[: self._n_silent] = 0.0
        random = np.random.default_rng(seed)
        self._random_phases = random.integers(TURN, size=n_bins + _N_STARTS)
        bends = TURN * (0.5 + _LARGEST_BEND / (2.0 * np.pi) * random.uniform(-1.0, 1.0, n_bins + _N_STARTS))
        self._noise_phases = np.cumsum(np.cumsum(np.rint(bends).astype(np.intp)) & _MASK) & _MASK
        self._noise_moves = self._stretched_bands(random)
        # Filled, so that their memory is there before a first blend is played; zeros would be mapped in as it sounds.
        self._phases, self._moves, self._lane_noise = np.full((3, n_lanes, n_bins), 0, np.intp)
        self._gains = np.full((3, n_lanes, n_bins), 0, np.complex64)
        self._levels = np.ones((n_lanes, 1), np.float32)
        self._rising, self._begins, self._is_noise = np.zeros((3, _AT_ONCE, n_bins), bool)
        self._region, self._distance = np.zeros((2, _AT_ONCE, n_bins), np.intp)
        self._weighted = np.empty((_AT_ONCE, n_bins), np.float32)
        self._indices = np.empty((_AT_ONCE, n_bins), np.intp)
        self._phasors = np.empty((_AT_ONCE, n_bins), np.complex64)
        self._flat_bins, self._flat_alternating = (np.tile(a, _AT_ONCE) for a in (self._bins, self._alternating))

    def start(self, lane: int, number: int) -> None:
        """Fresh phases for a new note, the same for the same lane and number; `plan` must follow."""
        at = (2654435761 * (number * 64 + lane + 1) >> 8) % _N_STARTS
        n_bins = len(self._bins)
        self._phases[lane] = self._random_phases[at : at + n_bins]
        self._moves[lane] = self._noise_moves
        self._lane_noise[lane] = self._noise_phases[at : at + n_bins]

    def plan(self, lanes: slice, magnitudes: np.ndarray) -> None:
        """Find the sinusoids of new spectra (n, n_bins), which go on where the former's phases are."""
        for first in range(lanes.start, lanes.stop, _AT_ONCE):
            run = slice(first, min(first + _AT_ONCE, lanes.stop))
            self._plan(run, magnitudes[first - lanes.start : run.stop - lanes.start])

    def _plan(self, lanes: slice, magnitudes: np.ndarray) -> None:
        peaks, frequency, is_sinusoid = self._find_peaks(magnitudes)
        n, phases, moves = len(magnitudes), self._phases[lanes], self._moves[lanes]
        peak_moves = np.rint(frequency * self._per_bin).astype(np.intp)
        # A bin's phase is that of its sinusoid in the middle of the frame. The former and the new sinusoid are to
        # agree at the hop, where the frame begins, so that a new frequency turns the phase over half a frame.
        turned = np.rint((peak_moves - moves.take(peaks)) * self._half_frame).astype(np.intp)
        peak_phases = phases.take(peaks) - self._flat_alternating.take(peaks) + turned
        peak_moves[~is_sinusoid] = _OUT_OF_REACH
        region, distance, is_noise = self._region[:n], self._distance[:n], self._is_noise[:n]
        np.cumsum(self._begins[:n], out=region.reshape(-1))
        np.take(peak_moves, region, out=moves, mode="clip")
        np.take(peak_phases, region, out=phases, mode="clip")
        phases += self._alternating
        np.subtract(moves, self._lowest_moves, out=distance)
        # As whole numbers without a sign, distances below the reach are far beyond it.
        np.minimum(distance.view(np.uintp), self._beyond, out=distance.view(np.uintp))
        np.equal(distance, 2 * self._reach + 1, out=is_noise)
        np.copyto(moves, self._noise_moves, where=is_noise)
        np.copyto(phases, self._lane_noise[lanes], where=is_noise)
        for table, gains in zip(self._gain_table, self._gains, strict=True):
            np.take(table, distance, out=gains[lanes], mode="clip")
        self._gains[:, lanes, : self._n_silent] = 0.0
        self._find_levels(magnitudes, self._levels[lanes, 0])

    def advance(self, lanes: slice, n_hops: int = 1) -> None:
        """Go some hops on, or back, but not behind the last plan."""
        if n_hops == 1:
            self._phases[lanes] += self._moves[lanes]
            self._lane_noise[lanes] += self._noise_moves
        elif n_hops:
            self._phases[lanes] += n_hops * self._moves[lanes]
            self._lane_noise[lanes] += n_hops * self._noise_moves

    def taps(self, lanes: slice, out: np.ndarray) -> None:
        """Write the taps of `HopSynthesis` for this hop, complex64 (n, 3, n_bins), as loud as the noise's."""
        for first in range(lanes.start, lanes.stop, _AT_ONCE):
            run = slice(first, min(first + _AT_ONCE, lanes.stop))
            n, at = run.stop - first, first - lanes.start
            indices, phasors = self._indices[:n], self._phasors[:n]
            np.bitwise_and(self._phases[run], _MASK, out=indices)
            np.take(self._turns, indices, out=phasors, mode="clip")
            phasors.view(np.float32)[:] *= self._levels[run]
            for gains, taps in zip(self._gains, out[at : at + n].swapaxes(0, 1), strict=True):
                np.multiply(gains[run], phasors, out=taps)

    def _find_peaks(self, magnitudes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Peaks (n,), counted on from row to row, their frequencies in bins (n,), and which are sinusoids.

        Where the region of the next peak begins is left in `_begins`. A sinusoid's distance d from its peak bin, from
        a Hann lobe's values there and beside it, is d = 2 (above - below) / (above + 2 peak + below), and
        (above + below) / peak = (4 + 2 d^2) / (4 - d^2).
        """
        rising = self._rising[: len(magnitudes)]
        np.greater(magnitudes[:, 1:], magnitudes[:, :-1], out=rising[:, :-1])
        # Every row begins with a rise and ends with a fall, so that it has its own regions.
        rising[:, : self._n_silent], rising[:, -2:] = True, False
        flat, flat_rising = magnitudes.reshape(-1), rising.reshape(-1)
        np.less(flat_rising[:-1], flat_rising[1:], out=self._begins.reshape(-1)[1 : flat.size])
        peaks = np.flatnonzero(flat_rising[:-1] > flat_rising[1:]) + 1
        peak, above, below = flat.take(peaks), flat.take(peaks + 1), flat.take(peaks - 1)
        beside = above + below
        distance = 2.0 * (above - below) / (beside + 2.0 * peak + np.float32(1e-30))
        np.clip(distance, -0.5, 0.5, out=distance)
        squared = distance * distance
        is_sinusoid = beside * (4.0 - squared) < _BLUNTEST * peak * (4.0 + 2.0 * squared)
        return peaks, self._flat_bins.take(peaks) + distance, is_sinusoid

    def _find_levels(self, magnitudes: np.ndarray, out: np.ndarray) -> None:
        """How loud noise phase makes spectra, K-weighted, against their sinusoids, (n,); about 0.9 to 1."""
        weighted = np.multiply(magnitudes, self._weight, out=self._weighted[: len(magnitudes)])
        power = np.vecdot(weighted, magnitudes)
        shared = np.vecdot(weighted[:, 1:], magnitudes[:, :-1])
        own, neighbours = NOISE_POWER
        for lane, (of_bins, of_neighbours) in enumerate(zip(power.tolist(), shared.tolist(), strict=True)):
            silent = of_bins < _LEAST_POWER
            out[lane] = 1.0 if silent else math.sqrt(own + neighbours * of_neighbours / of_bins)

    def _gains_by_distance(self, fft_size: int, hop_size: int) -> np.ndarray:
        """Complex64 (3, n): the taps of a bin of phase 0 by its sinusoid's distance, and last those of the noise.

        Grain k began k hops ago, where the sinusoid's phase was k moves less; a bin's own delay takes k of its own
        moves back, so that only the distance counts: a geometric sum, with the window's taps as in `HopSynthesis`.
        """
        distance = np.arange(-self._reach, self._reach + 1) / TURN
        angle = hop_size / fft_size
        grains = np.arange(N_OVERLAPS)[:, None]
        # Four squared Hann windows add up to 1.5, and a lobe's squares to 1.5 times its peak's.
        scale = fft_size * 1.5**0.5 / 6.0
        table = np.empty((3, len(distance) + 1), np.complex64)
        for tap, (weight, turn) in enumerate(((-0.25, angle), (0.5, 0.0), (-0.25, -angle))):
            table[tap, :-1] = scale * weight * np.exp(2j * np.pi * grains * (turn - distance)).sum(axis=0)
        table[:, -1] = 0.0, fft_size / 2.0, 0.0
        return table

    def _stretched_bands(self, random: np.random.Generator) -> np.ndarray:
        """How far the phase of each bin's noise moves in a hop; intp (n_bins,)."""
        band = self._bins // _BAND_BINS
        stretch = random.uniform(-_LARGEST_STRETCH, _LARGEST_STRETCH, band[-1] + 1)
        from_middle = self._bins % _BAND_BINS - (_BAND_BINS - 1) / 2.0
        return np.rint((self._bins + stretch[band] * from_middle) * self._per_bin).astype(np.intp)
