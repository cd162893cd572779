"""Bands evenly spaced on the mel scale, and triangular filters.

A colour curve changes a spectrum by one gain in dB for each of the N_BANDS bands.
"""

from __future__ import annotations

import numpy as np

from runtime.acoustics.spectrum import StftSpec

N_BANDS = 40
LOWEST_CENTRE_HZ, HIGHEST_CENTRE_HZ = 30.0, 18000.0


def mel(frequency_hz: np.ndarray | float) -> np.ndarray:
    """Convert Hz to mel. Source: O'Shaughnessy, Speech Communication (1987): 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + np.asarray(frequency_hz, np.float64) / 700.0)


def band_centres_hz() -> np.ndarray:
    """The centre of each band in Hz; the centres are evenly spaced in mel: float64 (N_BANDS,)."""
    mels = np.linspace(mel(LOWEST_CENTRE_HZ), mel(HIGHEST_CENTRE_HZ), N_BANDS)
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


def band_weights(frequency_hz: np.ndarray) -> np.ndarray:
    """How much each band's gain counts at each frequency in Hz: float32 (N_BANDS, n_frequencies).

    `colour_db @ band_weights(f)` is the gain in dB at the frequencies f. It is interpolated linearly over mel between
    the bands' centres, and constant below the lowest and above the highest centre.
    """
    places = np.interp(mel(frequency_hz), mel(band_centres_hz()), np.arange(N_BANDS))
    return np.maximum(0.0, 1.0 - np.abs(places - np.arange(N_BANDS)[:, None])).astype(np.float32)


def mel_triangles(n_bands: int, lowest_hz: float, highest_hz: float, spec: StftSpec) -> np.ndarray:
    """Triangular filters, evenly spaced in mel: float32 (n_bins, n_bands).

    `power @ mel_triangles(…)` is the power in each band. n_bands + 2 points are evenly spaced in mel from `lowest_hz`
    to `highest_hz`. Filter k is 0 up to point k, rises to 1 at point k + 1, and falls to 0 at point k + 2. Each slope
    is at least one bin wide, so that no band is empty.
    """
    mels = np.linspace(mel(lowest_hz), mel(highest_hz), n_bands + 2)
    low_hz, peak_hz, high_hz = (700.0 * (10.0 ** (mels[k : n_bands + k] / 2595.0) - 1.0) for k in range(3))
    rise_hz, fall_hz = np.maximum(peak_hz - low_hz, spec.bin_hz), np.maximum(high_hz - peak_hz, spec.bin_hz)
    beyond_hz = np.arange(spec.n_bins)[:, None] * spec.bin_hz - peak_hz
    return np.maximum(0.0, 1.0 - np.maximum(-beyond_hz / rise_hz, beyond_hz / fall_hz)).astype(np.float32)
