"""The harmonic to which each bin of a spectrum belongs, for every fundamental."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.acoustics.spectrum import LOWEST_HEARD_HZ
from runtime.engine.synthesis.shaping.curves import GRID_STEPS_PER_OCTAVE, N_GRID


def harmonic_numbers(n_bins: int, bin_hz: float, fundamental_hz: float | np.ndarray) -> np.ndarray:
    """The number of each bin's harmonic, or 0 for a bin below half the fundamental.

    Returns float64: (n_bins,) for one fundamental, (n, n_bins) for an array (n, 1) of fundamentals.
    """
    return np.rint(np.arange(n_bins) * bin_hz / fundamental_hz)


def gain_frequencies_hz(numbers: np.ndarray, fundamental_hz: float | np.ndarray) -> np.ndarray:
    """For each bin, the frequency in Hz at which its gain is read: that of its harmonic, at least LOWEST_HEARD_HZ.

    numbers: from `harmonic_numbers`. For number 0, the frequency is that of the fundamental.
    """
    return np.maximum(np.maximum(numbers, 1.0) * fundamental_hz, LOWEST_HEARD_HZ)


def grid_places(frequency_hz: np.ndarray) -> np.ndarray:
    """For each frequency, the nearest place on the grid of `GainCurves`; int16."""
    places = np.rint(np.log2(frequency_hz / LOWEST_HEARD_HZ) * GRID_STEPS_PER_OCTAVE)
    return np.clip(places, 0, N_GRID - 1).astype(np.int16)


class Harmonics:
    """For each fundamental, the harmonic of every bin, and that harmonic's place on the grid of gains.

    All bins of a harmonic get one gain, so that a filter does not detune the harmonic. Bins below half the fundamental
    belong to no harmonic. They get the fundamental's gain. With the gain for their own low frequencies, a tilt of -12
    dB per octave or a low cutoff would make the faint residue in them louder than the note.

    Attributes, each (n_fundamentals, n_bins):
    numbers: the number of each bin's harmonic, 0 for none; int16.
    places: the place of each bin's frequency (see `gain_frequencies_hz`) on the grid of `GainCurves`; int16.
    are_even: whether the bin's number is even and not 0; bool.
    """

    def __init__(self, fundamentals_hz: Sequence[float], n_bins: int, bin_hz: float):
        fundamental_hz = np.asarray(fundamentals_hz, np.float64)[:, None]
        numbers = harmonic_numbers(n_bins, bin_hz, fundamental_hz)
        self.numbers = numbers.astype(np.int16)
        self.places = grid_places(gain_frequencies_hz(numbers, fundamental_hz))
        self.are_even = (self.numbers % 2 == 0) & (self.numbers > 0)
