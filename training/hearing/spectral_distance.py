"""Measures how different two spectra sound: their log-spectral distance."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec

FLOOR_DB = -60.0


def levels_db(magnitudes: np.ndarray, axis: int = -1) -> np.ndarray:
    """The levels of magnitudes in dB, relative to the peak along `axis`. None is below FLOOR_DB. The shape stays."""
    peak = np.maximum(magnitudes.max(axis=axis, keepdims=True), 1e-12)
    return 20.0 * np.log10(np.maximum(magnitudes / peak, 10.0 ** (FLOOR_DB / 20.0)))


def log_spectrum_db(magnitudes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The levels of the bins between 20 Hz and 20 kHz, as `levels_db` computes them: float32 (…, n_heard).

    magnitudes: (…, n_bins).
    """
    last = int(HIGHEST_HEARD_HZ / spec.bin_hz)
    return levels_db(np.asarray(magnitudes, np.float32)[..., spec.first_heard_bin : last])


def level_distance_db(a_db: np.ndarray, b_db: np.ndarray) -> np.ndarray:
    """The root mean square difference between two spectra, in dB: (…,).

    a_db, b_db: the levels of the two, from `log_spectrum_db`, (…, n_heard).
    """
    return np.sqrt(np.square(a_db - b_db).mean(axis=-1))


def log_spectral_distance_db(a: np.ndarray, b: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The log-spectral distance between two spectra, in dB: (…,).

    a, b: the magnitudes of the two, (…, n_bins).
    Source: the log-spectral distortion of Gray and Markel, Distance Measures for Speech Processing, 1976.
    """
    return level_distance_db(log_spectrum_db(a, spec), log_spectrum_db(b, spec))
