"""Measures how different two spectra sound: the log-spectral distance between frames."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec

FLOOR_DB = -60.0


def levels_db(magnitudes: np.ndarray, axis: int = -1) -> np.ndarray:
    """Levels in dB relative to the peak along `axis`, at least FLOOR_DB; in the same shape."""
    peak = np.maximum(magnitudes.max(axis=axis, keepdims=True), 1e-12)
    return 20.0 * np.log10(np.maximum(magnitudes / peak, 10.0 ** (FLOOR_DB / 20.0)))


def log_spectrum_db(magnitudes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """`levels_db` of the bins from 20 Hz to 20 kHz: float32 (…, n_heard), from magnitudes (…, n_bins)."""
    last = int(HIGHEST_HEARD_HZ / spec.bin_hz)
    return levels_db(np.asarray(magnitudes, np.float32)[..., spec.first_heard_bin : last])


def level_distance_db(a_db: np.ndarray, b_db: np.ndarray) -> np.ndarray:
    """Root mean square difference in dB of two sets of levels from `log_spectrum_db`: (…,) from (…, n_heard)."""
    return np.sqrt(np.square(a_db - b_db).mean(axis=-1))


def log_spectral_distance_db(a: np.ndarray, b: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Log-spectral distance in dB between frames a and b, each (…, n_bins); returns (…,).

    Source: the log-spectral distortion of Gray and Markel, Distance Measures for Speech Processing, 1976.
    """
    return level_distance_db(log_spectrum_db(a, spec), log_spectrum_db(b, spec))
