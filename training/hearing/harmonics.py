"""Where a note's harmonics lie in a spectrum, and how a frame's energy is shared among them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec

MAIN_LOBE_BINS = 2.0  # half the width of a Hann window's main lobe
CHORUS_CENTS = 25.0  # two detuned oscillators still make one harmonic


@lru_cache(maxsize=256)
def harmonic_numbers(note: int, spec: StftSpec) -> np.ndarray:
    """The harmonic of a MIDI note that each bin belongs to, from 1; 0 between them: int (n_bins,)."""
    nearest, apart_bins, chorus_bins = _nearest_harmonics(note, spec)
    numbers = np.where(apart_bins <= np.maximum(MAIN_LOBE_BINS, chorus_bins), nearest, 0.0).astype(int)
    numbers.setflags(write=False)
    return numbers


def harmonic_lobes(note: int, spec: StftSpec) -> np.ndarray:
    """The main lobes of a Hann window at all harmonics of a MIDI note, 1 at each peak, 0 between: float (n_bins,).

    Where two detuned oscillators may be apart by more than a bin the lobe's top is as wide as that.
    """
    _, apart_bins, chorus_bins = _nearest_harmonics(note, spec)
    return hann_lobe(np.maximum(apart_bins - chorus_bins, 0.0))


def hann_lobe(apart_bins: np.ndarray) -> np.ndarray:
    """Magnitude of a sinusoid's main lobe so many bins off its peak, which is 1; 0 beyond the lobe.

    Source: Harris, On the Use of Windows for Harmonic Analysis, 1978.
    """
    edge = np.isclose(np.abs(apart_bins), 1.0)
    lobe = np.where(edge, 0.5, np.sinc(apart_bins) / np.where(edge, 1.0, 1.0 - np.square(apart_bins)))
    return np.where(np.abs(apart_bins) < MAIN_LOBE_BINS, np.abs(lobe), 0.0)


def _nearest_harmonics(note: int, spec: StftSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each bin the nearest harmonic, from 1, how far off it is, and how far CHORUS_CENTS are there, in bins."""
    fundamental_bins = float(note_to_hz(note)) / spec.bin_hz
    bins = np.arange(spec.n_bins)
    nearest = np.maximum(np.rint(bins / fundamental_bins), 1.0)
    harmonic_bins = nearest * fundamental_bins
    return nearest, np.abs(bins - harmonic_bins), harmonic_bins * (2.0 ** (CHORUS_CENTS / 1200.0) - 1.0)


def energy_shares(magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Shares of energy of frames (n, n_bins) on all harmonics of their notes (n,), on the odd ones, and on those that
    three does not divide: float (n, 3), 0 to 1.

    Without odd harmonics a note is heard an octave up, with every third one alone a twelfth.
    """
    shares = np.zeros((len(magnitudes), 3))
    for note in np.unique(notes):
        chosen = np.flatnonzero(notes == note)
        numbers = harmonic_numbers(int(note), spec)
        masks = np.stack([numbers > 0, numbers % 2 == 1, numbers % 3 != 0], axis=1)
        energy = np.square(np.asarray(magnitudes[chosen], np.float32))
        shares[chosen] = energy @ masks.astype(np.float32) / np.maximum(energy.sum(axis=1), 1e-12)[:, None]
    return shares
