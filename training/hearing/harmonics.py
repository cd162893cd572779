"""Finds the bins of a note's harmonics, and their share of a frame's energy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec

MAIN_LOBE_BINS = 2.0  # half the width of a Hann window's main lobe
CHORUS_CENTS = 25.0  # two oscillators detuned by less than this still make one harmonic


@lru_cache(maxsize=256)
def harmonic_numbers(note: int, spec: StftSpec) -> np.ndarray:
    """The number of the note's harmonic at each bin, from 1; 0 between harmonics. Read-only int (n_bins,)."""
    nearest, apart_bins, chorus_bins = _nearest_harmonics(note, spec)
    numbers = np.where(apart_bins <= np.maximum(MAIN_LOBE_BINS, chorus_bins), nearest, 0.0).astype(int)
    numbers.setflags(write=False)
    return numbers


def harmonic_lobes(note: int, spec: StftSpec) -> np.ndarray:
    """A note's comb: at each harmonic a Hann window's main lobe with a peak of 1, elsewhere 0. Float (n_bins,).

    Each lobe stays at 1 for CHORUS_CENTS on both sides of its peak, to include detuned oscillators.
    """
    _, apart_bins, chorus_bins = _nearest_harmonics(note, spec)
    return hann_lobe(np.maximum(apart_bins - chorus_bins, 0.0))


def hann_lobe(apart_bins: np.ndarray) -> np.ndarray:
    """Magnitudes, 0 to 1, of the main lobe of a Hann-windowed sinusoid, at given distances from the lobe's peak.

    Source: Harris, On the Use of Windows for Harmonic Analysis, 1978.

    apart_bins: the distances in bins, an array of any shape.
    """
    edge = np.isclose(np.abs(apart_bins), 1.0)
    lobe = np.where(edge, 0.5, np.sinc(apart_bins) / np.where(edge, 1.0, 1.0 - np.square(apart_bins)))
    return np.where(np.abs(apart_bins) < MAIN_LOBE_BINS, np.abs(lobe), 0.0)


def _nearest_harmonics(note: int, spec: StftSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each bin, the nearest harmonic of a MIDI note: three arrays (n_bins,).

    Returns:
    - the harmonic's number, from 1
    - the bin's distance from the harmonic, in bins
    - the width of CHORUS_CENTS at the harmonic, in bins
    """
    fundamental_bins = float(note_to_hz(note)) / spec.bin_hz
    bins = np.arange(spec.n_bins)
    nearest = np.maximum(np.rint(bins / fundamental_bins), 1.0)
    harmonic_bins = nearest * fundamental_bins
    return nearest, np.abs(bins - harmonic_bins), harmonic_bins * (2.0 ** (CHORUS_CENTS / 1200.0) - 1.0)


def energy_shares(magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Three shares of each frame's energy: float (n, 3), 0 to 1.

    They are the shares of:
    - all harmonics of the frame's note
    - the odd harmonics
    - the harmonics whose number is not a multiple of three

    magnitudes: (n, n_bins).
    notes: the frames' MIDI notes, int (n,).
    """
    shares = np.zeros((len(magnitudes), 3))
    for note in np.unique(notes):
        chosen = np.flatnonzero(notes == note)
        numbers = harmonic_numbers(int(note), spec)
        masks = np.stack([numbers > 0, numbers % 2 == 1, numbers % 3 != 0], axis=1)
        energy = np.square(np.asarray(magnitudes[chosen], np.float32))
        shares[chosen] = energy @ masks.astype(np.float32) / np.maximum(energy.sum(axis=1), 1e-12)[:, None]
    return shares
