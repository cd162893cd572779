"""How far two spectra are apart: the project's one measure of timbre's change."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec

FLOOR_DB = -60.0


def log_spectrum_db(magnitudes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Levels in dB under each frame's own peak, at least FLOOR_DB, of what is heard: (…, n_bins) -> (…, n_heard)."""
    heard = np.asarray(magnitudes, np.float32)[..., spec.first_heard_bin : int(HIGHEST_HEARD_HZ / spec.bin_hz)]
    peak = np.maximum(heard.max(axis=-1, keepdims=True), 1e-12)
    return 20.0 * np.log10(np.maximum(heard / peak, np.float32(10.0 ** (FLOOR_DB / 20.0))))


def log_spectral_distance_db(a: np.ndarray, b: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Log-spectral distance of frames (…, n_bins) in dB, (…,): the root mean square of their levels' differences.

    Source: the log-spectral distortion of Gray and Markel, Distance Measures for Speech Processing, 1976.
    """
    return np.sqrt(np.square(log_spectrum_db(a, spec) - log_spectrum_db(b, spec)).mean(axis=-1))
