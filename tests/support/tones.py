"""Harmonic tones that tests send through an instrument."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.pitch import note_to_hz

RATE_HZ = 44100


def tone(note: float, length_s: float = 1.0, slope: float = 1.0, n_harmonics: int = 24) -> np.ndarray:
    """A harmonic tone at RATE_HZ, float32 (n,); harmonic k has amplitude 0.2 / k ** slope."""
    time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    numbers = np.arange(1, n_harmonics + 1)
    numbers = numbers[numbers * note_to_hz(note) < RATE_HZ / 2][:, None]
    return (0.2 * np.sin(2.0 * np.pi * note_to_hz(note) * numbers * time_s + numbers**2) / numbers**slope).sum(
        axis=0, dtype=np.float32
    )
