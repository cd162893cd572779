"""What a knob may be named after: a few measures of timbre that an ear can follow, each one number per frame.

Each is the logarithm of a ratio of two weighted sums over the bins, so that NumPy describes frames by it and the
objective of training can ask for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from training.hearing.harmonics import harmonic_numbers

LEAST_SHARE = 1e-6  # -60 dB: less of anything is not heard
_ROWS_AT_ONCE = 4096
Weights = Callable[[int, StftSpec], np.ndarray]


@dataclass(frozen=True)
class Descriptor:
    """scale * ln(numerator / denominator) of magnitudes to the power of `exponent`.

    numerator, denominator: of a MIDI note and a spec, the weights of the bins, float (n_bins,).
    """

    exponent: int
    scale: float
    numerator: Weights
    denominator: Weights

    def weights(self, note: int, spec: StftSpec) -> np.ndarray:
        """Numerator and denominator, float32 (2, n_bins)."""
        return np.array([self.numerator(note, spec), self.denominator(note, spec)], np.float32)


def _frequencies_hz(note: int, spec: StftSpec) -> np.ndarray:
    return np.arange(spec.n_bins) * spec.bin_hz


def _all(note: int, spec: StftSpec) -> np.ndarray:
    return np.ones(spec.n_bins)


def _part(chosen: Callable[[np.ndarray], np.ndarray]) -> Weights:
    """The bins whose harmonic's number is chosen, and a little of all."""
    return lambda note, spec: chosen(harmonic_numbers(note, spec)) + LEAST_SHARE


_DB = 10.0 / np.log(10.0)
# brightness: octaves of the spectral centroid, amplitude-weighted; hollowness: odd over even overtones in dB; body: the
# fundamental's share of the energy in dB; noise: the share between the harmonics in dB.
DESCRIPTORS = {
    "brightness": Descriptor(1, 1.0 / np.log(2.0), _frequencies_hz, _all),
    "hollowness": Descriptor(
        2, _DB, _part(lambda n: (n > 1) & (n % 2 == 1)), _part(lambda n: (n > 1) & (n % 2 == 0))
    ),
    "body": Descriptor(2, _DB, _part(lambda number: number == 1), _all),
    "noise": Descriptor(2, _DB, _part(lambda number: number == 0), _all),
}


def describe(name: str, magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The descriptor `name` of frames (n, n_bins) of MIDI notes (n,): float (n,), in the unit that DESCRIPTORS says."""
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
    """Each value's rank among those of its own note, float (n,) within 0 to 1; equal values share their mean rank."""
    result = np.zeros(len(values))
    for note in np.unique(notes):
        chosen = np.flatnonzero(notes == note)
        ordered = np.sort(values[chosen])
        middle = np.searchsorted(ordered, values[chosen]) + np.searchsorted(ordered, values[chosen], "right")
        result[chosen] = middle / (2.0 * len(chosen))
    return result
