"""Measures recorded or rendered sound: pitch and level."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from runtime.acoustics.pitch import hz_to_note

LOWEST_HZ, HIGHEST_HZ = 25.0, 5000.0


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a 16-bit WAV file; returns its samples and its sample rate in Hz.

    The samples are float64 (n_frames, n_channels); full scale is 1.
    """
    with wave.open(str(path), "rb") as sound_file:
        assert sound_file.getsampwidth() == 2
        samples = np.frombuffer(sound_file.readframes(sound_file.getnframes()), "<i2")
        return samples.reshape(-1, sound_file.getnchannels()) / 32768.0, sound_file.getframerate()


def pitch_hz(sound: np.ndarray, sample_rate_hz: int) -> float:
    """Fundamental frequency in Hz of a steady mono sound (n_frames,).

    The sound is compared with a copy of itself, delayed by each possible period. The normalised difference of the two
    (de Cheveigne and Kawahara, YIN, 2002) has dips. The first estimate is the shortest period at a dip that is nearly
    as low as the lowest dip. Then peaks of the autocorrelation refine the estimate.
    """
    sound = sound - sound.mean()
    n = len(sound)
    power = np.square(np.abs(np.fft.rfft(sound, 2 * n)))
    correlation = np.fft.irfft(power)[:n] / (n - np.arange(n))  # entry k: mean product of two samples k frames apart
    longest = min(n // 2, int(sample_rate_hz / LOWEST_HZ))
    shortest = int(sample_rate_hz / HIGHEST_HZ)
    difference = correlation[0] - correlation[1 : longest + 1]
    normalised = difference * np.arange(1, longest + 1) / np.cumsum(difference)
    candidates = np.arange(shortest, longest - 1)
    dips = candidates[
        (normalised[candidates] <= normalised[candidates - 1]) & (normalised[candidates] < normalised[candidates + 1])
    ]
    deep = dips[normalised[dips] < normalised[dips].min() + 0.15]
    period = deep[0] + 1.0
    for n_periods in (1, 2, 4, 8):
        around = n_periods * period
        reach = max(2, int(0.04 * period))
        if around + reach + 2 >= n // 2:
            break
        lags = np.arange(round(around) - reach, round(around) + reach + 1)
        peak = lags[np.argmax(correlation[lags])]
        before, at, after = correlation[peak - 1 : peak + 2]
        if 2 * at - before - after <= 0 or at < 0.2 * correlation[0]:
            break
        period = (peak + 0.5 * (after - before) / (2 * at - before - after)) / n_periods
    return sample_rate_hz / period


def cents_off(sound: np.ndarray, sample_rate_hz: int, note: int) -> float:
    """How many cents the pitch of a mono sound is above a MIDI note; negative below."""
    return 100.0 * float(hz_to_note(pitch_hz(sound, sample_rate_hz)) - note)


def level_db(sound: np.ndarray) -> float:
    """Root mean square level: 0 dB for a mean square of 1, -200 dB for silence."""
    return float(10.0 * np.log10(max(1e-20, np.mean(np.square(np.asarray(sound, np.float64))))))
