"""How loud a spectrum is: the K-weighting and the loudness of ITU-R BS.1770."""

from __future__ import annotations

import numpy as np


def k_weighting(frequency_hz: np.ndarray) -> np.ndarray:
    """The K-weighting's power gain at each frequency in Hz, as float32. Above 24 kHz it is constant.

    The weighting is two filters in series, with the coefficients for 48 kHz. Source: ITU-R BS.1770-4, annex 1.
    """
    shelf = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
    high_pass = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
    z = np.exp(-2j * np.pi * np.minimum(np.asarray(frequency_hz, np.float64), 24000.0) / 48000.0)
    response = np.ones_like(z)
    for numerator, denominator in (shelf, high_pass):
        response *= np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z)
    return np.square(np.abs(response)).astype(np.float32)


def spectrum_lufs(power: np.ndarray, weights: np.ndarray, frame_size: int) -> float:
    """Loudness in LUFS of a sound that is the same in both channels; never below about -200.

    power: |FFT|^2 of `frame_size` samples of one channel under a Hann window, (n_bins,).
    weights: `k_weighting` of the bins, (n_bins,).

    Source: ITU-R BS.1770-4, annex 1. The mean square of a Hann window is 3/8.
    """
    mean_square = 2.0 * float(power @ weights) / (frame_size**2 * 3.0 / 8.0)
    return -0.691 + 10.0 * float(np.log10(2.0 * max(mean_square, 1e-20)))
