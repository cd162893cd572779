"""How loud a spectrum is, and the limiter at the end of the mix."""

from __future__ import annotations

import numpy as np


def k_weighting(frequency_hz: np.ndarray) -> np.ndarray:
    """Power gain of the K-weighting at each frequency in Hz, float32.

    Source: ITU-R BS.1770-4, annex 1: the two biquads as given there for 48 kHz, evaluated on the unit circle.
    """
    shelf = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
    high_pass = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
    z = np.exp(-2j * np.pi * np.minimum(np.asarray(frequency_hz, np.float64), 24000.0) / 48000.0)
    response = np.ones_like(z)
    for numerator, denominator in (shelf, high_pass):
        response *= np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z)
    return np.square(np.abs(response)).astype(np.float32)
