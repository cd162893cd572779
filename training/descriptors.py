"""What a knob may be named after: a few measures of timbre that an ear can follow, each one number per frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from runtime.spectrum import StftSpec
from training.harmonics import harmonic_numbers

LEAST_SHARE = 1e-6  # -60 dB: less of anything is not heard
_ROWS_AT_ONCE = 4096


def describe(name: str, magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The descriptor `name` of frames (n, n_bins) of MIDI notes (n,): float (n,), in the unit that DESCRIPTORS says."""
    measure = DESCRIPTORS[name]
    values = np.zeros(len(notes))
    for note in np.unique(notes):
        chosen = np.flatnonzero(notes == note)
        for first in range(0, len(chosen), _ROWS_AT_ONCE):
            rows = chosen[first : first + _ROWS_AT_ONCE]
            values[rows] = measure(np.asarray(magnitudes[rows], np.float32), int(note), spec)
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


def _brightness(magnitudes: np.ndarray, note: int, spec: StftSpec) -> np.ndarray:
    frequency_hz = np.arange(spec.n_bins) * spec.bin_hz
    centroid_hz = magnitudes @ frequency_hz / np.maximum(magnitudes.sum(axis=1), 1e-12)
    return np.log2(np.maximum(centroid_hz, spec.bin_hz))


def _hollowness(magnitudes: np.ndarray, note: int, spec: StftSpec) -> np.ndarray:
    numbers = harmonic_numbers(note, spec)
    overtones = numbers > 1
    return _share_db(magnitudes, overtones & (numbers % 2 == 1)) - _share_db(magnitudes, overtones & (numbers % 2 == 0))


def _body(magnitudes: np.ndarray, note: int, spec: StftSpec) -> np.ndarray:
    return _share_db(magnitudes, harmonic_numbers(note, spec) == 1)


def _noise(magnitudes: np.ndarray, note: int, spec: StftSpec) -> np.ndarray:
    return _share_db(magnitudes, harmonic_numbers(note, spec) == 0)


def _share_db(magnitudes: np.ndarray, bins: np.ndarray) -> np.ndarray:
    energy = np.square(magnitudes)
    share = energy @ bins.astype(np.float32) / np.maximum(energy.sum(axis=1), 1e-12)
    return 10.0 * np.log10(share + LEAST_SHARE)


# brightness: octaves of the spectral centroid, amplitude-weighted; hollowness: odd over even overtones in dB; body: the
# fundamental's share of the energy in dB; noise: the share between the harmonics in dB.
DESCRIPTORS: dict[str, Callable[[np.ndarray, int, StftSpec], np.ndarray]] = {
    "brightness": _brightness,
    "hollowness": _hollowness,
    "body": _body,
    "noise": _noise,
}
