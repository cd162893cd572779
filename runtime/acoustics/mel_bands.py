"""The 40 bands in which a colour curve is given, equally far apart on the mel scale."""

from __future__ import annotations

import numpy as np

N_BANDS = 40
LOWEST_CENTRE_HZ, HIGHEST_CENTRE_HZ = 30.0, 18000.0


def mel(frequency_hz: np.ndarray | float) -> np.ndarray:
    """Frequencies in Hz as mel. Source: O'Shaughnessy, Speech Communication (1987): 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + np.asarray(frequency_hz, np.float64) / 700.0)


def band_centres_hz() -> np.ndarray:
    """The centre of each band in Hz, float64 (N_BANDS,): equal steps in mel from the lowest to the highest centre."""
    mels = np.linspace(mel(LOWEST_CENTRE_HZ), mel(HIGHEST_CENTRE_HZ), N_BANDS)
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


def band_weights(frequency_hz: np.ndarray) -> np.ndarray:
    """The share of each band in the gain at each frequency: float32 (N_BANDS, n_frequencies).

    `colour_db @ band_weights(f)` is the curve at the frequencies f, in Hz: a straight line in dB over mel from centre
    to centre, and level outside the lowest and the highest centre. Each column adds up to 1.
    """
    places = np.interp(mel(frequency_hz), mel(band_centres_hz()), np.arange(N_BANDS))
    return np.maximum(0.0, 1.0 - np.abs(places - np.arange(N_BANDS)[:, None])).astype(np.float32)
