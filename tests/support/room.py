"""Measures rooms: decay times in bands, density of echoes, flatness of spectra."""

from __future__ import annotations

import math

import numpy as np

from runtime.config import ReverbConfig
from runtime.effects.reverb import Reverb

BANDS_HZ = (125.0, 1000.0, 6000.0)
WINDOW_S = 0.02
# The flatness of the periodogram of long Gaussian noise: exp(-Euler's constant).
FLATNESS_OF_NOISE = 0.5615


def impulse_response(
    settings: ReverbConfig, duration_s: float, sample_rate_hz: int = 44100, sides: tuple[float, float] = (1.0, 1.0)
) -> np.ndarray:
    """The room's impulse response, float32 (n, 2).

    sides: heights of the left and of the right impulse at frame 0.
    """
    n_frames = round(duration_s * sample_rate_hz)
    sent, wet = np.zeros((2, n_frames, 2), np.float32)
    sent[0] = sides
    Reverb(sample_rate_hz, settings).add(0, wet, sent)
    return wet


def wanted_decays_s(settings: ReverbConfig) -> tuple[float, float, float]:
    """The decay times at BANDS_HZ that the settings should give."""
    return settings.decay_s * settings.bass, settings.decay_s, settings.decay_s * (1.0 - 0.6 * settings.damping)


def in_band(sound: np.ndarray, centre_hz: float, sample_rate_hz: int) -> np.ndarray:
    """Filter a sound (n, 2) with a band pass: Gaussian over octaves, about half an octave wide, zero-phase."""
    spectrum = np.fft.rfft(sound, 2 * len(sound), axis=0)
    frequencies = np.fft.rfftfreq(2 * len(sound), 1.0 / sample_rate_hz)
    octaves = np.log2(np.maximum(frequencies, 1.0) / centre_hz)
    return np.fft.irfft(spectrum * np.exp(-0.5 * (octaves / 0.2) ** 2)[:, None], axis=0)[: len(sound)]


def decay_curve_db(sound: np.ndarray) -> np.ndarray:
    """Schroeder's backward integral of a sound's energy, in dB relative to the whole energy: (n, 2) to (n,)."""
    energy = np.cumsum((sound.astype(np.float64) ** 2).sum(axis=1)[::-1])[::-1]
    return 10.0 * np.log10(energy / energy[0] + 1e-30)


def decay_time_s(sound: np.ndarray, sample_rate_hz: int, first_db: float = -5.0, last_db: float = -35.0) -> float:
    """Time to decay by 60 dB, from a line through the decay curve; by default T30 of ISO 3382-1."""
    curve = decay_curve_db(sound)
    first, last = int(np.argmax(curve < first_db)), int(np.argmax(curve < last_db))
    slope = np.polyfit(np.arange(first, last) / sample_rate_hz, curve[first:last], 1)[0]
    return -60.0 / slope


def echo_density(sound: np.ndarray, sample_rate_hz: int, step_s: float = 0.002) -> tuple[np.ndarray, np.ndarray]:
    """Times in s, and the normalised echo density of a mono sound (n,) at each time; Gaussian noise has 1.

    At each time, a Hann window w with the sum 1 lies on the samples x. With deviation = sqrt(sum(w x^2)), the density
    is sum(w where |x| > deviation) / erfc(1 / sqrt(2)); the divisor is the value of this sum for Gaussian noise.
    Source: Abel, Huang, A Simple, Robust Measure of Reverberation Echo Density (2006).
    """
    window = np.hanning(round(WINDOW_S * sample_rate_hz) // 2 * 2 + 3)[1:-1]
    window /= window.sum()
    windows = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), len(window))
    windows = windows[:: max(1, round(step_s * sample_rate_hz))]
    deviations = np.sqrt((windows**2 * window).sum(axis=1, keepdims=True))
    densities = ((np.abs(windows) > deviations) * window).sum(axis=1) / math.erfc(1.0 / math.sqrt(2.0))
    return np.arange(len(windows)) * step_s + 0.5 * WINDOW_S, densities


def tail_flatness(sound: np.ndarray, decay_s: float, sample_rate_hz: int) -> tuple[float, float]:
    """Flatness of the spectrum of a room's tail (n,), and how many dB the highest peak is above the spectrum's mean.

    First the tail is amplified by as much as it has decayed. Then its spectrum, from 100 Hz to 10 kHz, is divided by
    the moving average over a twentieth of this range.

    decay_s: the time in which the tail decays by 60 dB.
    """
    flat = sound * 10.0 ** (3.0 * np.arange(len(sound)) / sample_rate_hz / decay_s)
    power = np.abs(np.fft.rfft(flat * np.hanning(len(flat)))) ** 2
    frequencies = np.fft.rfftfreq(len(flat), 1.0 / sample_rate_hz)
    power = power[(frequencies > 100.0) & (frequencies < min(10000.0, 0.45 * sample_rate_hz))]
    n = len(power) // 40
    power /= np.convolve(np.pad(power, n, mode="reflect"), np.ones(2 * n + 1) / (2 * n + 1), "valid")
    return float(np.exp(np.log(power).mean()) / power.mean()), float(10.0 * np.log10(power.max() / power.mean()))
