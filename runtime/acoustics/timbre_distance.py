"""The distance between two timbres: how much their levels in 64 bands differ. The sounds' loudness does not count."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from runtime.acoustics.mel_bands import mel_triangles
from runtime.acoustics.spectrum import StftSpec

N_BANDS, LOWEST_HZ, HIGHEST_HZ = 64, 40.0, 16000.0
FLOOR_DB = -60.0


def band_levels_db(magnitudes: np.ndarray, spec: StftSpec = StftSpec()) -> np.ndarray:
    """The level of each frame in each of N_BANDS bands, in dB relative to the frame's loudest band.

    magnitudes: the frames' spectra, (…, n_bins).
    Returns float32 (…, N_BANDS), from FLOOR_DB to 0. A silent frame is FLOOR_DB in all bands.
    """
    power = np.square(magnitudes, dtype=np.float32) @ band_filters(spec)
    loudest = np.maximum(power.max(axis=-1, keepdims=True), 1e-20)
    return np.maximum(10.0 * np.log10(power / loudest + 1e-12), FLOOR_DB).astype(np.float32)


def distance_db(first_db: np.ndarray, second_db: np.ndarray) -> float:
    """The distance in dB: the mean over the frames of sqrt(mean over the bands of (first_db - second_db)^2).

    first_db, second_db: the levels of the two timbres, from `band_levels_db`; (n, N_BANDS). If one timbre has a single
        frame, each frame of the other is compared with it.
    """
    return float(np.sqrt(np.mean(np.square(first_db - second_db), axis=-1)).mean())


@lru_cache(maxsize=4)
def band_filters(spec: StftSpec) -> np.ndarray:
    """The bands' filters, float32 (n_bins, N_BANDS): `power @ band_filters(spec)` is the power in each band."""
    return mel_triangles(N_BANDS, LOWEST_HZ, min(HIGHEST_HZ, spec.sample_rate_hz / 2.0), spec)
