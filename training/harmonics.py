"""Where a note's harmonics lie in a spectrum, and how a frame's energy is shared among them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from runtime.pitch import note_to_hz
from runtime.spectrum import StftSpec

MAIN_LOBE_BINS = 2.0  # half the width of a Hann window's main lobe
CHORUS_CENTS = 25.0  # two detuned oscillators still make one harmonic


@lru_cache(maxsize=256)
def harmonic_numbers(note: int, spec: StftSpec) -> np.ndarray:
    """The harmonic of a MIDI note that each bin belongs to, from 1; 0 between them: int (n_bins,)."""
    frequency_hz = np.arange(spec.n_bins) * spec.bin_hz
    fundamental_hz = float(note_to_hz(note))
    nearest = np.maximum(np.rint(frequency_hz / fundamental_hz), 1.0)
    harmonic_hz = nearest * fundamental_hz
    reach_hz = np.maximum(MAIN_LOBE_BINS * spec.bin_hz, harmonic_hz * (2.0 ** (CHORUS_CENTS / 1200.0) - 1.0))
    numbers = np.where(np.abs(frequency_hz - harmonic_hz) <= reach_hz, nearest, 0.0).astype(int)
    numbers.setflags(write=False)
    return numbers


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
