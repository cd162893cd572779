"""Measures single harmonics of a coherent tone: their levels, and how these move."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from tests.support.synthetic_instrument import SyntheticInstrument

RATE_HZ = 44100
# Source of the window: Harris, On the Use of Windows for Harmonic Analysis, 1978; all side lobes are below -92 dB.
_BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)


def saw_instrument(n_latents: int = 2) -> SyntheticInstrument:
    """An instrument whose harmonic k has the amplitude k^-(0.5 + latent 1): at most 40 harmonics, up to 18 kHz."""
    return SyntheticInstrument(lambda latents, k: k ** -(0.5 + latents[0]), n_latents)


def window(n: int) -> np.ndarray:
    """A Blackman-Harris window whose sum is 1."""
    x = 2.0 * np.pi * np.arange(n) / n
    shape = sum(factor * np.cos(order * x) for order, factor in enumerate(_BLACKMAN_HARRIS))
    return shape / shape.sum()


def component(values: np.ndarray, frequency_hz: float, rate_hz: float = RATE_HZ) -> complex:
    """Amplitude and phase of a sinusoid that real values contain; of a constant at 0 Hz, half of it."""
    turning = np.exp(-2j * np.pi * frequency_hz / rate_hz * np.arange(len(values)))
    return complex(2.0 * (values * window(len(values))) @ turning)


def harmonic_levels_db(sound: np.ndarray, note: float, n_harmonics: int) -> np.ndarray:
    """Level of each harmonic of a steady mono sound, the fundamental first, in dB of its amplitude."""
    hz = [k * float(note_to_hz(note)) for k in range(1, n_harmonics + 1)]
    return 20.0 * np.log10([abs(component(sound, each)) + 1e-12 for each in hz])


def track(sound: np.ndarray, frequency_hz: float, width_hz: float) -> np.ndarray:
    """The amplitude over time of the sinusoid at frequency_hz, which the sound may modulate by up to width_hz.

    The first and last tenth of a second of the result are not valid.
    """
    spectrum, n = np.fft.fft(sound), len(sound)
    apart_hz = np.abs(np.fft.fftfreq(n, 1.0 / RATE_HZ) - frequency_hz)
    # Flat, then a raised cosine down to 0 at twice the width: the filter hardly rings.
    edge = np.clip((apart_hz - width_hz) / width_hz, 0.0, 1.0)
    return np.abs(2.0 * np.fft.ifft(spectrum * (0.5 + 0.5 * np.cos(np.pi * edge))))
