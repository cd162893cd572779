"""Measures how wide the harmonics in a voice's sound are.

A lane is the place of a voice in the engine's arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec, periodic_hann
from runtime.engine.synthesis.lane_sound import LaneSound

SPEC = StftSpec()
# The measured full width at half power of a harmonic that has noise phases and bandwidth 0.
NOISE_LOBE_HZ = 17.5
N_LANES = 16


def harmonic(note: float, n_harmonics: int = 60) -> tuple[np.ndarray, float]:
    """The spectrum of a note, and the note's fundamental in Hz; harmonic k has the amplitude k ** -0.5.

    The spectrum has the peak 1: float32 (n_bins,).
    """
    fundamental_hz = float(note_to_hz(note))
    numbers = np.arange(1, int(min(n_harmonics, 18000.0 / fundamental_hz)) + 1)
    angles = 2.0 * np.pi * fundamental_hz * numbers[:, None] * np.arange(SPEC.frame_size) / SPEC.sample_rate_hz
    tone = numbers**-0.5 @ np.sin(angles + (numbers**2)[:, None])
    magnitudes = np.abs(np.fft.rfft(tone * periodic_hann(SPEC.frame_size))).astype(np.float32)
    return magnitudes / magnitudes.max(), fundamental_hz


def lane_sounds(
    magnitudes: np.ndarray,
    sample_rate_hz: int,
    duration_s: float,
    bandwidths_cents: Sequence[float],
    blend: float,
    n_lanes: int = N_LANES,
    by_hop: Sequence[float] = (),
    seed: int = 0,
) -> np.ndarray:
    """The sounds of lanes that all have the spectrum `magnitudes`: float32 (n_lanes, n_frames).

    bandwidths_cents: one for each lane, or one for all lanes; empty if all are 0.
    blend: from noise phases (0) to coherent phases (1).
    by_hop: for each hop, a bandwidth in cents that all lanes get from this hop on; the first one is not used. Empty to
        keep bandwidths_cents.
    """
    sound, lanes, run = LaneSound(SPEC, sample_rate_hz, (0,) * n_lanes, seed), list(range(n_lanes)), slice(0, n_lanes)
    spectra, none = np.repeat(magnitudes[None], n_lanes, axis=0), np.zeros(n_lanes, np.float32)
    cents = list(bandwidths_cents) * n_lanes if len(bandwidths_cents) == 1 else bandwidths_cents
    sound.set_spectra(lanes, spectra, [0.0] * n_lanes, None, cents, [blend] * n_lanes)
    sound.open(run, 0, blend)
    hops = [sound.read(run, 0, sound.hop_size).copy()]
    for number in range(1, max(1, round(duration_s * sample_rate_hz / sound.hop_size))):
        at = number * sound.hop_size
        if by_hop:
            sound.set_spectra(lanes, spectra, [0.0] * n_lanes, None, [by_hop[number]] * n_lanes, [blend] * n_lanes)
        sound.hop(lanes, at, 1, none)
        hops.append(np.stack([sound.read_lane(lane, at, sound.hop_size).copy() for lane in lanes]))
    return np.concatenate(hops, axis=1)


def wanted_width_hz(frequency_hz: float, cents: float, blend: float) -> float:
    """The width at half power that a harmonic with this frequency and bandwidth should have.

    blend: 0 for noise phases, 1 for coherent phases.
    """
    width_hz = frequency_hz * (2.0 ** (cents / 2400.0) - 2.0 ** (-cents / 2400.0))
    return width_hz if blend == 1.0 else float(np.hypot(width_hz, NOISE_LOBE_HZ))


def mean_spectrum(sounds: np.ndarray, sample_rate_hz: int, resolution_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, and the mean power spectrum of sounds (n, n_frames) at these frequencies."""
    size = int(sample_rate_hz / resolution_hz)
    framed = np.lib.stride_tricks.sliding_window_view(sounds, size, axis=1)[:, :: size // 2]
    power = [np.square(np.abs(np.fft.rfft(frames * np.hanning(size)))).mean(axis=0) for frames in framed]
    return np.fft.rfftfreq(size, 1.0 / sample_rate_hz), np.mean(power, axis=0)


def line_width_hz(
    frequencies: np.ndarray, power: np.ndarray, near_hz: float, expected_hz: float, range_hz: float
) -> float:
    """Full width at half power of the highest peak within range_hz / 2 of near_hz.

    power: the power spectrum at `frequencies`.
    expected_hz: the expected width. The power is first smoothed over about a sixth of it.
    """
    chosen = np.abs(frequencies - near_hz) < 0.5 * range_hz
    frequencies, power = frequencies[chosen], power[chosen]
    step_hz = frequencies[1] - frequencies[0]
    weights = np.hanning(2 * max(1, int(expected_hz / step_hz / 6.0)) + 3)[1:-1]
    power = np.convolve(power, weights / weights.sum(), "same")
    peak, half = int(power.argmax()), power.max() / 2.0
    below, above = np.flatnonzero(power[:peak] < half), np.flatnonzero(power[peak:] < half)
    left, right = below[-1], peak + above[0]
    rest_left = (half - power[left]) / (power[left + 1] - power[left])
    rest_right = (half - power[right]) / (power[right - 1] - power[right])
    return float((right - rest_right - left - rest_left) * step_hz)
