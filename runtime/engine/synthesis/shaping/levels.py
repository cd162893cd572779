"""Brings every spectrum to one loudness, so that a latent changes the timbre and not the volume."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec
from runtime.engine.synthesis.phases.noise import NOISE_POWER

VOICE_LEVEL_DB = -18.0
# For a spectrum at VOICE_LEVEL_DB: square its K-weighted magnitudes, add them up, and take the square root.
_LEVEL = 10.0 ** (VOICE_LEVEL_DB / 20.0) / (0.5 * 10.0**-0.0691) ** 0.5
SHARED_OVER_OWN = np.array(NOISE_POWER[1] / NOISE_POWER[0], np.float32)
_LEAST_POWER = np.array(1e-20, np.float32)
_WIDEST_SHIFT = 60  # semitones
# The least K-weight in use. Below about 50 Hz the true weight is less. With the true weight, a low note would be
# amplified so much that the limiter would turn it down.
LEAST_WEIGHT = 0.4


class Levels:
    """Finds the factors that bring spectra to VOICE_LEVEL_DB, a K-weighted level.

    The mean square of a sound is half the sum of the squared magnitudes of its sinusoids. A correction is added,
    because neighbouring bins of noise are correlated (see NOISE_POWER). The K-weighting and its offset of -0.691 dB
    are those of ITU-R BS.1770-4.
    """

    def __init__(self, spec: StftSpec, sample_rate_hz: int, n_bins: int, max_rows: int):
        self._n_bins = n_bins
        self._weights = _weights_by_shift(spec, sample_rate_hz, n_bins)
        self._shared = np.empty(max_rows, np.float32)

    def find(self, magnitudes: np.ndarray, semitones: Sequence[float], out: np.ndarray, weighted: np.ndarray) -> None:
        """Find the factor that brings each spectrum to VOICE_LEVEL_DB.

        magnitudes: the spectra, (n, n_magnitudes).
        semitones: by how much each spectrum's sound will be transposed.
        out: the array for the factors, (n,).
        weighted: an array for intermediate results, (n, n_bins).
        """
        heard, power, shared = magnitudes[:, : self._n_bins], out, self._shared[: len(magnitudes)]
        if any(semitones):
            for row, spectrum, shift in zip(weighted, heard, semitones, strict=True):
                index = min(max(round(shift), -_WIDEST_SHIFT), _WIDEST_SHIFT) + _WIDEST_SHIFT
                np.multiply(spectrum, self._weights[index], out=row)
        else:
            np.multiply(heard, self._weights[_WIDEST_SHIFT], out=weighted)
        np.vecdot(weighted, weighted, out=power)
        np.vecdot(weighted[:, 1:], weighted[:, :-1], out=shared)
        shared *= SHARED_OVER_OWN
        power += shared
        np.maximum(power, _LEAST_POWER, out=power)
        np.sqrt(power, out=power)
        np.reciprocal(power, out=power)


@lru_cache(maxsize=2)  # engines of one instrument share the weights
def _weights_by_shift(spec: StftSpec, sample_rate_hz: int, n_bins: int) -> np.ndarray:
    """The weights of the bins for each transposition, -60 to 60 semitones: float32 (2 * _WIDEST_SHIFT + 1, n_bins).

    The weights are scaled so that a spectrum at VOICE_LEVEL_DB has power 1 in `find`.
    """
    frequency_hz = np.arange(n_bins) * spec.bin_hz
    highest_hz = min(HIGHEST_HEARD_HZ, sample_rate_hz / 2.0)
    weights = []
    for shift in range(-_WIDEST_SHIFT, _WIDEST_SHIFT + 1):
        sounding_hz = frequency_hz * 2.0 ** (shift / 12.0)
        weight = np.sqrt(np.maximum(k_weighting(sounding_hz), LEAST_WEIGHT))
        weights.append(np.where(sounding_hz < highest_hz, weight, 0.0))
    weights = (NOISE_POWER[0] ** 0.5 / _LEVEL * np.array(weights)).astype(np.float32)
    weights[:, : spec.first_heard_bin] = 0.0
    weights.setflags(write=False)
    return weights
