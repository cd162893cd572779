"""Descriptors: measures of timbre, each with one number per frame. A knob can be trained to follow a descriptor.

A descriptor is the logarithm of the ratio of two weighted sums over a frame's bins. This file computes it with NumPy,
to describe recorded frames. Training computes it with Keras (training/learning/objective.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from training.hearing.harmonics import harmonic_numbers

LEAST_SHARE = 1e-6  # -60 dB; a smaller share of the energy is inaudible
_ROWS_AT_ONCE = 4096
Weights = Callable[[int, StftSpec], np.ndarray]


@dataclass(frozen=True)
class Descriptor:
    """One descriptor: scale * ln(a / b), where a and b are weighted sums of magnitudes ** exponent over all bins.

    numerator: a function of a MIDI note and a spec; returns the weights of the bins in a, float (n_bins,).
    denominator: the same for the weights in b.
    """

    exponent: int
    scale: float
    numerator: Weights
    denominator: Weights

    def weights(self, note: int, spec: StftSpec) -> np.ndarray:
        """The bins' weights for a MIDI note, float32 (2, n_bins).

        The first row has the weights in the numerator, the second row those in the denominator.
        """
        return np.array([self.numerator(note, spec), self.denominator(note, spec)], np.float32)


def _frequencies_hz(note: int, spec: StftSpec) -> np.ndarray:
    return np.arange(spec.n_bins) * spec.bin_hz


def _all(note: int, spec: StftSpec) -> np.ndarray:
    return np.ones(spec.n_bins)


def _part(chosen: Callable[[np.ndarray], np.ndarray]) -> Weights:
    """A function that gives chosen bins the weight 1 and all others the weight 0.

    LEAST_SHARE is added to every weight, to keep the ratio finite.

    chosen: gets, for each bin, the number of the harmonic at this bin, or 0 between harmonics; returns a bool per bin.
    """
    return lambda note, spec: chosen(harmonic_numbers(note, spec)) + LEAST_SHARE


_DB = 10.0 / np.log(10.0)
# brightness: the amplitude-weighted spectral centroid, in octaves above 1 Hz.
# hollowness: the energy of harmonics 3, 5, 7 and so on, divided by that of harmonics 2, 4, 6 and so on, in dB.
# body: the fundamental's share of the energy, in dB.
# noise: the share of the energy that lies between the harmonics, in dB.
DESCRIPTORS = {
    "brightness": Descriptor(1, 1.0 / np.log(2.0), _frequencies_hz, _all),
    "hollowness": Descriptor(2, _DB, _part(lambda n: (n > 1) & (n % 2 == 1)), _part(lambda n: (n > 1) & (n % 2 == 0))),
    "body": Descriptor(2, _DB, _part(lambda number: number == 1), _all),
    "noise": Descriptor(2, _DB, _part(lambda number: number == 0), _all),
}


def describe(name: str, magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The value of a descriptor for each frame, in the descriptor's unit: float (n,).

    name: a key of DESCRIPTORS.
    magnitudes: the frames, (n, n_bins).
    notes: the frames' MIDI notes, int (n,).
    """
    descriptor, values = DESCRIPTORS[name], np.zeros(len(notes))
    for note in np.unique(notes):
        weights = descriptor.weights(int(note), spec)
        chosen = np.flatnonzero(notes == note)
        for first in range(0, len(chosen), _ROWS_AT_ONCE):
            rows = chosen[first : first + _ROWS_AT_ONCE]
            sums = np.asarray(magnitudes[rows], np.float32) ** descriptor.exponent @ weights.T
            values[rows] = descriptor.scale * np.log(np.maximum(sums[:, 0], 1e-12) / np.maximum(sums[:, 1], 1e-12))
    return values


def ranks(values: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """The rank of each value among the values of the same note, 0 to 1: float (n,). Equal values get their mean rank.

    values: float (n,).
    notes: the values' MIDI notes, int (n,).
    """
    result = np.zeros(len(values))
    for note in np.unique(notes):
        chosen = np.flatnonzero(notes == note)
        ordered = np.sort(values[chosen])
        middle = np.searchsorted(ordered, values[chosen]) + np.searchsorted(ordered, values[chosen], "right")
        result[chosen] = middle / (2.0 * len(chosen))
    return result
