"""How loud a spectrum is, and the limiter at the end of the mix."""

from __future__ import annotations

import numpy as np

LIMITER_KNEE = 0.7


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


def limit(signal: np.ndarray, over: np.ndarray, bent: np.ndarray) -> None:
    """Bend peaks above LIMITER_KNEE in place so that no sample passes full scale; below it nothing changes.

    signal, and over and bent, which are scratch: float32 of one shape. The curve is u / sqrt(1 + u^2) above the knee:
    smooth up to its second derivative, without memory, so that nothing pumps and any partition into blocks sounds
    the same.
    """
    np.abs(signal, out=over)
    if over.max(initial=0.0) <= LIMITER_KNEE:
        return
    room = np.float32(1.0 - LIMITER_KNEE)
    over -= np.float32(LIMITER_KNEE)
    np.maximum(over, np.float32(0.0), out=over)
    over /= room
    np.multiply(over, over, out=bent)
    bent += np.float32(1.0)
    np.sqrt(bent, out=bent)
    np.divide(over, bent, out=bent)
    # What lies above the knee is taken off and its bent form put on; where nothing does, both are zero.
    bent -= over
    bent *= room
    np.copysign(bent, signal, out=over)
    signal -= over
    np.clip(signal, np.float32(-1.0), np.float32(1.0), out=signal)  # rounding, where peaks are absurd
