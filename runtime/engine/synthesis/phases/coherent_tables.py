"""Lookup tables of the coherent phases, made once for an engine."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.spectrum import LOWEST_HEARD_HZ
from runtime.engine.synthesis.phases.taps import N_OVERLAPS

# Units per cycle. Phases are whole numbers of units, so that adding them up gathers no rounding errors.
PHASE_UNITS = 1 << 14
PHASE_MASK = PHASE_UNITS - 1
# Places in the random tables from which a note can take its first phases.
N_STARTS = 1 << 13
# All four chosen for the least error of re-analysed sounds, over spectra of instruments and of noise.
_REACH_BINS = 2.5
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
    unit_phasors: complex64 (PHASE_UNITS,), the phasor of each phase.
    alternating: intp (n_bins,), half a cycle for odd bins, 0 for even ones.
    lowest_moves: intp (n_bins,), the lowest move of a sinusoid that the bin may belong to.
    noise: number of the column of `gains` that noise bins use.
    gains: complex64 (3, noise + 1), the taps of a bin at phase 0; number of the column: a sinusoid's move minus
        the bin's lowest.
    weight: (n_bins,), K-weighting, 0 for silent bins.
    random_phases: intp (n_bins + N_STARTS,), the first phases of a note's sinusoids.
    noise_phases: intp (n_bins + N_STARTS,), the first phases of a note's noise bins. A note takes n_bins values
        from one of N_STARTS places on, the same place in random_phases and noise_phases.
    noise_moves: intp (n_bins,), the move of each bin if it is noise.
    """

    n_silent: int
    units_per_bin: float
    half_window_hops: float
    unit_phasors: np.ndarray
    alternating: np.ndarray
    lowest_moves: np.ndarray
    noise: np.ndarray
    gains: np.ndarray
    weight: np.ndarray
    random_phases: np.ndarray
    noise_phases: np.ndarray
    noise_moves: np.ndarray


def coherent_tables(n_bins: int, fft_size: int, hop_size: int, bin_hz: float, seed: int) -> CoherentTables:
    """The tables for spectra of n_bins; fft_size, hop_size: in engine frames."""
    bins = np.arange(n_bins)
    units_per_bin = PHASE_UNITS * hop_size / fft_size
    reach = int(_REACH_BINS * units_per_bin)
    n_silent = math.ceil(LOWEST_HEARD_HZ / bin_hz)
    weight = k_weighting(bins * bin_hz)
    weight[:n_silent] = 0.0
    random = np.random.default_rng(seed)
    random_phases = random.integers(PHASE_UNITS, size=n_bins + N_STARTS)
    bends = PHASE_UNITS * (0.5 + _LARGEST_BEND / (2.0 * np.pi) * random.uniform(-1.0, 1.0, n_bins + N_STARTS))
    return CoherentTables(
        n_silent=n_silent,
        units_per_bin=units_per_bin,
        half_window_hops=0.5 * fft_size / hop_size,
        unit_phasors=np.exp(2j * np.pi / PHASE_UNITS * np.arange(PHASE_UNITS)).astype(np.complex64),
        alternating=bins % 2 * (PHASE_UNITS // 2),
        lowest_moves=np.rint(bins * units_per_bin).astype(np.intp) - reach,
        noise=np.array(2 * reach + 1, np.uintp),
        gains=_gains_by_distance(reach, fft_size, hop_size),
        weight=weight,
        random_phases=random_phases,
        noise_phases=np.cumsum(np.cumsum(np.rint(bends).astype(np.intp)) & PHASE_MASK) & PHASE_MASK,
        noise_moves=_stretched_bands(bins, units_per_bin, random),
    )


def _gains_by_distance(reach: int, fft_size: int, hop_size: int) -> np.ndarray:
    """Taps of a bin at phase 0, complex64 (3, 2 * reach + 2): a column for each distance, then one for noise.

    Distance is the sinusoid's move minus the move of a sinusoid at the bin's centre, from -reach to reach. In the
    window that began k hops ago, the sinusoid's phase is less by k of its moves; delaying the window by k hops adds
    k of the bin's moves. So only the distance counts. The window's taps are as in noise.py.
    """
    distance = np.arange(-reach, reach + 1) / PHASE_UNITS
    angle = hop_size / fft_size
    windows = np.arange(N_OVERLAPS)[:, None]
    # Four overlapping squared Hann windows add up to 1.5, the squares of a Hann lobe's bins to 1.5 times its peak's.
    scale = fft_size * 1.5**0.5 / 6.0
    table = np.empty((3, len(distance) + 1), np.complex64)
    for tap, (weight, delay) in enumerate(((-0.25, angle), (0.5, 0.0), (-0.25, -angle))):
        table[tap, :-1] = scale * weight * np.exp(2j * np.pi * windows * (delay - distance)).sum(axis=0)
    table[:, -1] = 0.0, fft_size / 2.0, 0.0
    return table


def _stretched_bands(bins: np.ndarray, units_per_bin: float, random: np.random.Generator) -> np.ndarray:
    """Moves of the noise bins, intp (n_bins,): bands are stretched at random, so that the noise does not repeat."""
    band = bins // _BAND_BINS
    stretch = random.uniform(-_LARGEST_STRETCH, _LARGEST_STRETCH, band[-1] + 1)
    from_middle = bins % _BAND_BINS - (_BAND_BINS - 1) / 2.0
    return np.rint((bins + stretch[band] * from_middle) * units_per_bin).astype(np.intp)
