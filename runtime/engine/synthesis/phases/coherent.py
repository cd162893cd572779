"""Coherent phases turn peaks of a spectrum into steady sinusoids, and all other bins into a noise of even loudness.

The method for the sinusoids is identity phase locking: Laroche and Dolson, "Improved phase vocoder time-scale
modification of audio", IEEE Trans. Speech and Audio Processing 7(3), 1999. The method for the noise is this project's
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from runtime.engine.synthesis.phases.coherent_tables import (
    FARTHEST_BINS,
    N_BESIDE,
    N_PLACES,
    N_REACHED,
    N_STARTS,
    coherent_tables,
)
from runtime.engine.synthesis.phases.noise import NOISE_POWER
from runtime.engine.synthesis.phases.noise_bins import NoiseBins
from runtime.engine.synthesis.phases.peaks import NO_FUNDAMENTAL, PeakFinder, Peaks, beside_multiples
from runtime.engine.synthesis.phases.side import SideTurns
from runtime.engine.synthesis.phases.sinusoids import Sinusoids
from runtime.engine.synthesis.phases.walk import PhaseWalk

_LEAST_POWER = np.float32(1e-20)
# How many bins beyond a spectrum's edge a sinusoid at the edge may reach.
_MARGIN = N_BESIDE + 1
_LAST_PLACE = np.float32(FARTHEST_BINS)
_BESIDE = np.arange(-N_BESIDE, N_BESIDE + 1)[:, None]


class Found(NamedTuple):
    """What `CoherentPhases.find` finds in some spectra.

    peaks: the sinusoids of the spectra.
    levels: for each spectrum, the factor that makes it as loud with coherent phases as with noise phases; (n, 1).
    """

    peaks: Peaks
    levels: np.ndarray


class CoherentPhases:
    """The coherent phases of every lane, and the spectra with these phases.

    A peak shaped like a Hann lobe becomes a sinusoid: all bins of the peak get the sinusoid's frequency, with signs
    that alternate, as in the lobe of a window. The remaining bins are noise bins: each gets a sinusoid at its centre,
    and together these sound like noise. From one noise bin to the next, the phase makes a step; each step is half a
    cycle larger than the step before. So the mean phase of a bin's two neighbours is a quarter of a cycle from the
    bin's own phase: the sum of these neighbours is in quadrature with the bin, and the lobes of the window add up to a
    steady magnitude. Two things keep this noise from pulsing and from repeating itself: the half cycle has small random
    deviations, and the frequencies in each band of bins are stretched or compressed by up to 2 percent.

    Each phase is a function of the hop's number. From hop to hop, the phase of a noise bin turns equally far in all
    lanes. So when lanes are mixed, their noise is summed with the phases of hop 0. Then the sum alone is turned to the
    phases of the present hop. Bins below 20 Hz are silent.

    The argument `lanes` is always a slice of at most max_rows neighbouring lanes. Magnitudes, factors and spectra have
    one row for each of these lanes.

    fft_size, hop_size: in engine frames.
    seed: seed of random phases.

    A change of these attributes takes effect with a lane's next plan:
    walk: the `PhaseWalk`, which has each lane's bandwidth.
    beside: how far each low bin is from the nearest multiple of its lane's fundamental, float32 (n_lanes, N_LOW_BINS).
        A low sinusoid that is close to a multiple is moved onto the multiple.
    """

    def __init__(
        self, n_lanes: int, n_bins: int, fft_size: int, hop_size: int, bin_hz: float, seed: int = 0, max_rows: int = 16
    ):
        self._n_bins = n_bins
        self._tables = tables = coherent_tables(n_bins, fft_size, hop_size, bin_hz, seed)
        self._peaks = PeakFinder(max_rows, n_bins, tables.n_silent)
        # np.full writes to the memory now. With np.zeros, the first hop with a blend would wait for memory pages.
        self._noise, self._noise_real, self._noise_imaginary = np.full((3, n_lanes, n_bins), 0.0, np.float32)
        # The factor by which each lane's noise is multiplied where it is used (`Found.levels`).
        self._levels_of = np.ones((n_lanes, 1), np.float32)
        # The noise bins' phasors once more, as complex numbers. Products are faster with complex numbers, sums over
        # lanes are faster with floats.
        self._noise_phasors = np.full((n_lanes, n_bins), 0.0, np.complex64)
        self._sinusoids: list[Sinusoids | None] = [None] * n_lanes
        self.beside = np.tile(beside_multiples(NO_FUNDAMENTAL), (n_lanes, 1))
        self.walk = PhaseWalk(n_lanes, n_bins, tables, seed)
        self._turns_of_side = SideTurns(n_bins, tables.units_per_bin, seed)
        self._is_side = [False] * n_lanes
        # The place at which each lane's phases begin in the flattened table `first_phases`.
        self._starts = np.zeros(n_lanes, np.intp)
        # For each bin, the number of its sinusoid among the sinusoids planned together; -1 for a noise bin.
        most_sinusoids = max_rows * n_bins // 2
        number_type = np.int16 if most_sinusoids < 2**15 else np.int32  # the smaller one is faster
        self._owners = np.full((n_lanes, n_bins), -1, number_type)
        # The numbers of the sinusoids, once for each bin that a sinusoid may own.
        self._numbers = np.tile(np.arange(most_sinusoids, dtype=number_type), (len(_BESIDE), 1))
        self._spectra = np.full((max_rows, n_bins + 2 * _MARGIN), 0.0, np.complex64)
        self._scratch = np.full((max_rows, n_bins), 0.0, np.float32)
        self._summed = np.full((2, n_bins), 0.0, np.float32)
        self._noise_bins = NoiseBins(tables, fft_size, hop_size, max_rows)
        # The values for which `_summed`, the sum of the lanes' noise, was computed: the first lane, the end of the
        # lanes, the factors, and `_n_changes`.
        self._summed_for: tuple[int, int, bytes, int] | None = None
        self._n_changes = 0

    def start(self, lane: int, number: int) -> None:
        """Give a lane the first phases of a new note; call `plan` next.

        number: one that differs from note to note, such as the note's first frame. The phases depend on it and on the
            lane.
        """
        at = (2654435761 * (number * 64 + lane + 1) >> 8) % N_STARTS
        self._starts[lane], self._sinusoids[lane] = at, None
        self._noise_real[lane], self._noise_imaginary[lane] = self._tables.noise_phasors[:, at : at + self._n_bins]
        self._join_phasors(slice(lane, lane + 1))
        self._owners[lane], self._is_side[lane] = -1, False
        self._n_changes += 1
        self.walk.start(lane, number)

    def start_sides(self, first_side: int, lanes: slice) -> None:
        """Copy each lane's magnitudes and phases to its side, and turn the side's phases by plus or minus 90 degrees.

        first_side: number of the first lane's side. The other sides follow it in the order of their lanes.
        """
        turns = self._turns_of_side
        self._n_changes += 1
        for sinusoids, first, stop in self._planned(lanes):
            run, side = slice(first, stop), first_side + first - lanes.start
            sides = slice(side, side + stop - first)
            self._noise[sides], self._starts[sides] = self._noise[run], self._starts[run]
            self._levels_of[sides] = self._levels_of[run]
            np.multiply(self._noise_imaginary[run], -turns.noise_signs, out=self._noise_real[sides])
            np.multiply(self._noise_real[run], turns.noise_signs, out=self._noise_imaginary[sides])
            self._join_phasors(sides)
            part, moves = sinusoids.of_lanes(run)
            turned = sinusoids.turned(run, side, turns.of_sinusoids(moves))
            self._is_side[sides] = [True] * (stop - first)
            self._sinusoids[sides] = [turned] * (stop - first)
            owners = np.subtract(self._owners[run], part.start, out=self._owners[sides])
            np.maximum(owners, -1, out=owners)
            for lane in range(first, stop):
                self.walk.follow(side + lane - first, lane)

    def _join_phasors(self, lanes: slice) -> None:
        phasors = self._noise_phasors[lanes]
        phasors.real, phasors.imag = self._noise_real[lanes], self._noise_imaginary[lanes]

    def end(self, lane: int) -> None:
        """Forget a lane's sinusoids. Before the lane sounds again, call `start` or `start_sides`."""
        self._sinusoids[lane] = None

    # Plans

    def find(self, lanes: slice, magnitudes: np.ndarray) -> Found:
        """Find the sinusoids of the lanes' new spectra. `plan` does so itself if it is not given the result.

        magnitudes: the new spectra, contiguous float32 (n, n_bins).
        """
        return Found(self._peaks.find(magnitudes, self.beside[lanes]), self._levels(magnitudes))

    def plan(
        self, lanes: slice, hop: int, magnitudes: np.ndarray, first_side: int | None = None, found: Found | None = None
    ) -> None:
        """Plan the sinusoids and the noise of new spectra. Each sinusoid continues the phase that its peak bin had.

        hop: number of the first hop with these spectra.
        magnitudes: the new spectra, float32 (n, n_bins).
        first_side: number of the first side, if each lane has a side that gets the same spectrum; None to plan the
            lanes alone.
        found: what `find` has returned for these spectra; None if it was not called.
        """
        first = lanes.start
        for lane in range(first + 1, lanes.stop + 1):
            walks = self.walk.bandwidth_cents[first] > 0.0
            if lane == lanes.stop or (self.walk.bandwidth_cents[lane] > 0.0) != walks:
                side = None if first_side is None else first_side + first - lanes.start
                rows, run = magnitudes[first - lanes.start : lane - lanes.start], slice(first, lane)
                self._plan(run, hop, rows, walks, side, found if run == lanes else None)
                first = lane

    def _plan(
        self,
        lanes: slice,
        hop: int,
        magnitudes: np.ndarray,
        walks: bool,
        first_side: int | None,
        found: Found | None,
    ) -> None:
        """Do the work of `plan` for some lanes. walks: True if all of them have a bandwidth, False if none has."""
        noise = self._noise[lanes]
        self._n_changes += 1
        np.copyto(noise, magnitudes)
        peaks, levels = found or self.find(lanes, noise)
        self._levels_of[lanes] = levels
        noise[:, : self._tables.n_silent] = 0.0
        rows, bins = peaks.rows, peaks.bins
        moves = np.rint((bins + peaks.distances) * self._tables.units_per_bin).astype(np.intp)
        phases = self._continued(lanes, rows, bins, peaks.places, hop, moves)
        spread = self._take_spread(lanes, peaks)
        if walks:
            for row, lane in zip(noise, range(lanes.start, lanes.stop), strict=True):
                row *= self.walk.weights(lane)
            planned = self.walk.sinusoids(lanes, rows, bins, hop, phases, moves, spread)
        else:
            places = np.rint((peaks.distances + _LAST_PLACE) * N_PLACES).astype(np.intp)
            amplitudes = self._tables.lobes.take(places, axis=1, mode="clip")
            amplitudes *= spread
            planned = Sinusoids(lanes.start, rows, bins, hop, phases, moves, amplitudes)
        if first_side is not None:
            sides = slice(first_side, first_side + lanes.stop - lanes.start)
            phases = self._continued(sides, rows, bins, peaks.places, hop, moves)
            self._noise[sides], self._levels_of[sides] = noise, levels
            self._owners[sides] = self._owners[lanes]
            self._take(sides, planned.at_phases(sides.start, phases))
        self._take(lanes, planned)

    def _take(self, lanes: slice, planned: Sinusoids) -> None:
        if None in self._sinusoids[lanes]:
            for lane in range(lanes.start, lanes.stop):
                if self._sinusoids[lane] is None:
                    # A note's first sinusoids begin with the random phases in row 0 of `first_phases`. A later sinusoid
                    # may begin in a noise bin. It then continues the phase of this bin, which is in row 1. So the
                    # lane's place now moves from row 0 to row 1.
                    self._starts[lane] += self._tables.first_phases.shape[1]
        self._sinusoids[lanes] = [planned] * (lanes.stop - lanes.start)

    def _continued(
        self, lanes: slice, rows: np.ndarray, bins: np.ndarray, places: np.ndarray, hop: int, moves: np.ndarray
    ) -> np.ndarray:
        phases, former_moves = self._phases_at(lanes, rows, bins, places, hop)
        # A bin's phase is its sinusoid's phase in the middle of the window. But the old and the new sinusoid must agree
        # at the hop, where the window begins. So the phase shifts by the change in frequency times half a window.
        phases += np.rint((moves - former_moves) * self._tables.half_window_hops).astype(np.intp)
        return phases

    def _phases_at(
        self, lanes: slice, rows: np.ndarray, bins: np.ndarray, places: np.ndarray, hop: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The phases of some bins in a hop, and the moves of these bins.

        rows: for each bin, the index of its lane in `lanes`.
        bins: the bins' numbers.
        places: each bin's index in a flattened array (n, n_bins).
        """
        tables, owners = self._tables, self._owners[lanes].reshape(-1).take(places)
        sinusoids = self._sinusoids[lanes]
        moves = tables.noise_moves.take(bins)
        phases = self._starts[lanes].take(rows)
        phases += bins
        phases = tables.first_phases.take(phases)
        if any(self._is_side[lanes]):
            phases += self._turns_of_side.of_noise.take(bins) * np.array(self._is_side[lanes]).take(rows)
        phases += hop * moves
        are_owned = owners >= 0
        for planned in dict.fromkeys(sinusoids):
            if planned is not None and planned.n:
                of_planned = are_owned
                if sinusoids.count(planned) < len(sinusoids):
                    of_planned = are_owned & np.array([each is planned for each in sinusoids]).take(rows)
                if planned.walks:
                    for number, each in enumerate(sinusoids, lanes.start):
                        if each is planned:
                            planned.go_to(slice(number, number + 1), hop)
                former_phases, former_moves = planned.at(owners, bins, hop)
                np.copyto(phases, former_phases, where=of_planned)
                np.copyto(moves, former_moves, where=of_planned)
        return phases, moves

    def _take_spread(self, lanes: slice, peaks: Peaks) -> np.ndarray:
        """Remove the sinusoids' magnitudes from the lanes' noise, and set `_owners`.

        Returns the factors with which the table `lobes` is multiplied, float32 (N_REACHED, n_peaks).
        """
        n_peaks, noise, owners = len(peaks.places), self._noise[lanes].reshape(-1), self._owners[lanes]
        owners.fill(-1)
        # The rows are the bins from 4 below the peak to 4 above it. A sinusoid has magnitudes only in the bins up to
        # N_BESIDE from its peak, so the other rows stay 0.
        padded = np.zeros((N_REACHED + 2, n_peaks), np.float32)
        magnitudes = padded[2:-2]
        index = peaks.places + _BESIDE
        # A bin that does not belong to the sinusoid is replaced by bin 0, which is silent.
        index[0] *= peaks.two_below
        index[-2] *= peaks.above
        index[-1] *= peaks.two_above
        np.maximum(index[0], 0, out=index[0])
        noise.take(index, out=magnitudes, mode="wrap")  # faster than "clip"
        noise[index] = 0.0
        # NumPy writes flat arrays faster.
        owners.reshape(-1)[index.reshape(-1)] = self._numbers[:, :n_peaks].reshape(-1)
        owners[:, 0] = -1
        spread = padded[:-2] + padded[2:]
        spread *= np.float32(0.5)
        spread += padded[1:-1]
        spread *= self._levels_of[lanes, 0].take(peaks.rows)
        return spread

    def _levels(self, magnitudes: np.ndarray) -> np.ndarray:
        """For each spectrum, the ratio noise / steady: about 0.9 for Hann lobes, 1 for a flat spectrum; (n, 1).

        noise: the spectrum's K-weighted RMS with noise phases.
        steady: the spectrum's K-weighted RMS with a steady sinusoid in each bin.
        """
        weighted = np.multiply(magnitudes, self._tables.weight, out=self._scratch[: len(magnitudes)])
        power = np.vecdot(weighted, magnitudes)
        shared = np.vecdot(weighted[:, 1:], magnitudes[:, :-1])
        own, neighbours = np.float32(NOISE_POWER[0]), np.float32(NOISE_POWER[1])
        levels = np.sqrt(own + neighbours * shared / np.maximum(power, _LEAST_POWER))
        levels[power < _LEAST_POWER] = 1.0
        return levels[:, None]

    # Spectra

    def spectra(self, lanes: slice, hop: int) -> np.ndarray:
        """The lanes' coherent spectra in hop number `hop`, complex64 (n, n_bins), valid until the next call.

        All lanes must have been planned.
        """
        n = lanes.stop - lanes.start
        padded = self._spectra[:n]
        spectra = padded[:, _MARGIN:-_MARGIN]
        noise = np.multiply(self._noise[lanes], self._levels_of[lanes], out=self._scratch[:n])
        np.multiply(noise, self._noise_phasors[lanes], out=self._noise_bins.first[:n])
        self._noise_bins.write(n, hop, spectra)
        padded[:, :_MARGIN] = padded[:, -_MARGIN:] = 0.0
        for planned, first, stop in self._planned(lanes):
            rows = slice(first - lanes.start, stop - lanes.start)
            planned.add_each(slice(first, stop), hop, self._tables.unit_phasors, padded[rows])
        return spectra

    def mixed_spectrum(self, lanes: slice, hop: int, factors: np.ndarray | None) -> np.ndarray:
        """Sum of the lanes' spectra, each times its factor: complex64 (1, n_bins), valid until the next call.

        factors: float32 (n, 1); None if all are 1. The factor of a lane with a bandwidth must be 0. A lane whose factor
            is 0 needs no plan.
        """
        padded = self._spectra[:1]
        spectrum = padded[:, _MARGIN:-_MARGIN]
        self._mix_noise(lanes, factors)
        self._noise_bins.write_mixed(hop, spectrum)
        padded[:, :_MARGIN] = padded[:, -_MARGIN:] = 0.0
        for planned, first, stop in self._planned(lanes, factors):
            if planned.walks:
                continue
            of_lanes = None if factors is None else factors[first - lanes.start : stop - lanes.start, 0]
            planned.add(slice(first, stop), hop, self._tables.unit_phasors, padded[0], of_lanes)
        return spectrum

    def _mix_noise(self, lanes: slice, factors: np.ndarray | None) -> None:
        """Write the weighted sum of the lanes' noise in hop 0 into `NoiseBins.mixed`; the weights are the factors.

        The sum is the same for all hops of a plan.
        """
        summed = self._summed
        wanted = lanes.start, lanes.stop, b"" if factors is None else factors.tobytes(), self._n_changes
        if self._summed_for != wanted:
            self._summed_for, noise = wanted, self._noise[lanes]
            of_lanes, products = self._levels_of[lanes], self._scratch[: len(noise)]
            if factors is not None:
                of_lanes = of_lanes * factors
            # twice as fast as to weight the noise first
            for part, out in zip((self._noise_real, self._noise_imaginary), summed, strict=True):
                np.matmul(of_lanes[:, 0], np.multiply(noise, part[lanes], out=products), out=out)
            mixed = self._noise_bins.mixed
            mixed.real, mixed.imag = summed

    def _planned(self, lanes: slice, factors: np.ndarray | None = None) -> Iterator[tuple[Sinusoids, int, int]]:
        """Yield the sinusoids, the first lane and the end of each run of lanes that were planned together.

        A lane whose factor is 0 ends a run. So the last bits of a mixed spectrum do not depend on whether such a lane
        was planned again.
        """
        sinusoids: list[Sinusoids | None] = self._sinusoids[lanes]
        if factors is not None and 0.0 in (of_lanes := factors[:, 0].tolist()):
            sinusoids = [planned if factor else None for planned, factor in zip(sinusoids, of_lanes, strict=True)]
        if sinusoids and sinusoids.count(sinusoids[0]) == len(sinusoids):  # the usual case
            if sinusoids[0] is not None:
                yield sinusoids[0], lanes.start, lanes.stop
            return
        first = 0
        for row in range(1, len(sinusoids) + 1):
            if row == len(sinusoids) or sinusoids[row] is not sinusoids[first]:
                if sinusoids[first] is not None:
                    yield sinusoids[first], lanes.start + first, lanes.start + row
                first = row
