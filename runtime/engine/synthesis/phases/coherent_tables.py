"""Lookup tables of the coherent phases, made once for an engine."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.spectrum import LOWEST_HEARD_HZ
from runtime.engine.synthesis.phases.taps import N_OVERLAPS

# Units per cycle. Phases are whole numbers of units, so that sums accumulate no rounding errors.
PHASE_UNITS = 1 << 14
PHASE_MASK = PHASE_UNITS - 1
# Number of places in `first_phases` at which a note's phases can begin.
N_STARTS = 1 << 13
# A sinusoid's magnitudes lie at most N_BESIDE bins from its peak. The window spreads them to one more bin on each side.
N_BESIDE = 2
N_REACHED = 2 * (N_BESIDE + 1) + 1
_REACHED_BINS = np.arange(N_REACHED) - N_REACHED // 2
# Number of places in the table `lobes` from one bin to the next.
N_PLACES = 1 << 10
# The table's last place, in bins from the peak. A sinusoid is found at most half a bin from its peak. Then it may be
# moved by up to _HELD_BINS (peaks.py), to a multiple of its note's frequency.
FARTHEST_BINS = 0.75
# _BAND_BINS noise bins form a band. From bin to bin of a band, the move grows by (1 + s) * units_per_bin. Each band has
# its own random s, from -_LARGEST_STRETCH to _LARGEST_STRETCH. The first phase makes a step from each noise bin to the
# next. Each step is larger than the step before, by half a cycle plus a random angle from -_LARGEST_BEND to
# _LARGEST_BEND radians. With these three values, the spectra of the sounds come nearest to the given spectra, both for
# instruments and for noise.
_BAND_BINS = 32
_LARGEST_STRETCH = 0.02
_LARGEST_BEND = 0.6


@dataclass(frozen=True)
class CoherentTables:
    """Lookup tables that the coherent phases of all lanes share.

    Phases are in units of 1 / PHASE_UNITS cycle; a move is the step of a phase from hop to hop.

    n_silent: number of bins below 20 Hz.
    units_per_bin: move of a sinusoid at the frequency of bin 1.
    half_window_hops: half the window's length, in hop sizes.
    unit_phasors: the phasor of each phase, complex64 (PHASE_UNITS,).
    lobes: what a sinusoid of phase 0 adds to the bins around its peak, complex64 (N_REACHED, n_places). A column is for
        one place of the sinusoid, from FARTHEST_BINS below the peak bin to FARTHEST_BINS above it. An entry is to be
        multiplied by the bin's magnitude plus half the magnitudes of its two neighbours.
    lobe_signs: what one of the overlapping windows adds to the bins around a peak, without the turns of `hop_turns`;
        float32 (N_REACHED, 1).
    hop_turns: how far the bins around a peak turn, relative to the peak, from hop to hop; complex64 (N_REACHED, 1).
    weight: the K-weighting of each bin, 0 for silent bins, (n_bins,).
    first_phases: the first phases of a note's sinusoids (row 0) and of its noise bins (row 1),
        intp (2, n_bins + N_STARTS). A note takes n_bins values of each row. They begin at one of N_STARTS places, the
        same place in both rows.
    noise_phasors: what a noise bin of magnitude 1 adds to itself at its first phase: the real parts in row 0, the
        imaginary parts in row 1, float32 (2, n_bins + N_STARTS).
    noise_moves: the move of each bin if it is noise, intp (n_bins,).
    """

    n_silent: int
    units_per_bin: float
    half_window_hops: float
    unit_phasors: np.ndarray
    lobes: np.ndarray
    lobe_signs: np.ndarray
    hop_turns: np.ndarray
    weight: np.ndarray
    first_phases: np.ndarray
    noise_phasors: np.ndarray
    noise_moves: np.ndarray


def coherent_tables(n_bins: int, fft_size: int, hop_size: int, bin_hz: float, seed: int) -> CoherentTables:
    """Compute the tables.

    fft_size, hop_size: in engine frames.
    bin_hz: distance of two neighbouring bins.
    """
    bins = np.arange(n_bins)
    units_per_bin = PHASE_UNITS * hop_size / fft_size
    n_silent = math.ceil(LOWEST_HEARD_HZ / bin_hz)
    weight = k_weighting(bins * bin_hz)
    weight[:n_silent] = 0.0
    random = np.random.default_rng(seed)
    random_phases = random.integers(PHASE_UNITS, size=n_bins + N_STARTS)
    bends = PHASE_UNITS * (0.5 + _LARGEST_BEND / (2.0 * np.pi) * random.uniform(-1.0, 1.0, n_bins + N_STARTS))
    noise_phases = np.cumsum(np.cumsum(np.rint(bends).astype(np.intp)) & PHASE_MASK) & PHASE_MASK
    unit_phasors = np.exp(2j * np.pi / PHASE_UNITS * np.arange(PHASE_UNITS)).astype(np.complex64)
    noise_phasors = unit_phasors[noise_phases] * np.float32(fft_size / 2.0)
    return CoherentTables(
        n_silent=n_silent,
        units_per_bin=units_per_bin,
        half_window_hops=0.5 * fft_size / hop_size,
        unit_phasors=unit_phasors,
        lobes=_lobes(fft_size, hop_size),
        lobe_signs=_lobe_signs(fft_size).astype(np.float32),
        hop_turns=np.exp(2j * np.pi * hop_size / fft_size * _REACHED_BINS[:, None]).astype(np.complex64),
        weight=weight,
        first_phases=np.array([random_phases, noise_phases]),
        noise_phasors=np.array([noise_phasors.real, noise_phasors.imag]),
        noise_moves=_stretched_bands(bins, units_per_bin, random),
    )


def _lobes(fft_size: int, hop_size: int) -> np.ndarray:
    """The table `lobes`, complex64 (N_REACHED, n_places).

    Of the overlapping windows, one began k hops ago. It has the phase that the sinusoid had then: this turns its bins
    back by k moves of the sinusoid. It has also played for k hops: this turns each bin forward by k moves of the bin's
    own frequency. So only the bin's distance from the sinusoid counts.

    The signs of a sinusoid's bins alternate, and so do the signs of a Hann window's three taps. So all products of bins
    and taps have one sign: a bin's magnitude and half the magnitudes of its two neighbours add up.
    """
    places = np.arange(round(2.0 * FARTHEST_BINS * N_PLACES) + 1) / N_PLACES - FARTHEST_BINS
    angle = 2.0 * np.pi * hop_size / fft_size * (places - _REACHED_BINS[:, None])
    windows = np.exp(-1j * angle[None] * np.arange(N_OVERLAPS)[:, None, None]).sum(axis=0)
    return (_lobe_signs(fft_size) * windows).astype(np.complex64)


def _lobe_signs(fft_size: int) -> np.ndarray:
    # The scale is (1.5**0.5 / 1.5) * (fft_size / 4) * (1 / 2):
    # - 1.5**0.5: the sinusoid's amplitude. The squares of the bins of a lobe with the peak 1 add up to 1.5.
    # - 1.5, by which the amplitude is divided: the sum of four overlapping Hann windows, each squared.
    # - fft_size / 4: the peak that a sinusoid of amplitude 1 has in a spectrum with a Hann window.
    # - 1 / 2: the window's middle tap.
    scale = fft_size * 1.5**0.5 / 12.0
    return scale * (-1.0) ** _REACHED_BINS[:, None]


def _stretched_bands(bins: np.ndarray, units_per_bin: float, random: np.random.Generator) -> np.ndarray:
    """The moves of the noise bins in units of phase, intp (n_bins,).

    Each band is stretched or compressed at random, so that the noise does not repeat. Within a band, the move grows by
    the same whole number from bin to bin. If each move were rounded by itself, the rounding errors would add up over
    the hops, and after minutes the phases of neighbouring bins would no longer fit each other.
    """
    band = bins // _BAND_BINS
    stretch = random.uniform(-_LARGEST_STRETCH, _LARGEST_STRETCH, band[-1] + 1)
    steps = np.rint((1.0 + stretch) * units_per_bin).astype(np.intp)
    middles = band * _BAND_BINS + _BAND_BINS // 2
    return np.rint(middles * units_per_bin).astype(np.intp) + steps[band] * (bins - middles)
