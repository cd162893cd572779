"""The filters that make a room's bass, middle and treble fade at rates of their own."""

from __future__ import annotations

import math

import numpy as np

LOW_HZ, MID_HZ, HIGH_HZ = 125.0, 1000.0, 6000.0  # where the three decay times are met
LOW_POLE_HZ, HIGH_POLE_HZ = 250.0, 2000.0
HIGHEST_GAIN = 0.9999
N_ITERATIONS = 40
N_STATES = 3


def poles(sample_rate_hz: int) -> tuple[float, float]:
    """The poles of the low-pass filters L and H, which all delay lines share; H has its pole twice."""
    return tuple(math.exp(-2.0 * math.pi * hz / sample_rate_hz) for hz in (LOW_POLE_HZ, HIGH_POLE_HZ))


def meeting_points_hz(sample_rate_hz: int) -> np.ndarray:
    """The frequencies, in Hz, at which bass, middle and treble have the decay times that were asked for."""
    return np.array((LOW_HZ, MID_HZ, min(HIGH_HZ, 0.36 * sample_rate_hz)))


def band_responses(frequencies_hz: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Complex responses (3, n) of the bands of bass, middle and treble: L, H - L and 1 - H; their sum is 1."""
    z = np.exp(-2j * math.pi * np.asarray(frequencies_hz) / sample_rate_hz)
    low, high = ((1.0 - pole) / (1.0 - pole * z) for pole in poles(sample_rate_hz))
    return np.stack((low, high**2 - low, 1.0 - high**2))


def gains_for(decays_s: np.ndarray, delays_s: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The gains of bass, middle and treble in each line's filter: float64 (3, n).

    At each meeting point the filter has the magnitude of a decay by 60 dB in decays_s (3,), for a sound that passes it
    once in delays_s (n,). Where that is too steep for a filter of this kind, it comes as near as it can.
    """
    wanted = 10.0 ** (-3.0 * np.asarray(delays_s) / np.asarray(decays_s)[:, None])
    bands = band_responses(meeting_points_hz(sample_rate_hz), sample_rate_hz)
    gains = wanted.copy()
    for _ in range(N_ITERATIONS):
        gains *= wanted / np.abs(bands.T @ gains)
        np.clip(gains, 1e-3, 2.0, out=gains)
    everywhere = band_responses(np.geomspace(1.0, 0.5 * sample_rate_hz, 64), sample_rate_hz)
    return gains * np.minimum(1.0, HIGHEST_GAIN / np.abs(everywhere.T @ gains).max(axis=0))


def low_pass_matrix(sample_rate_hz: int, n_frames: int) -> np.ndarray:
    """Both low-pass filters for n_frames at once: float32 (n_frames + N_STATES, 2 * n_frames + 1).

    A row of n_frames samples and three states, times this matrix, gives the outputs of L, those of H, and the last
    output of the first half of H. The states are the last outputs so far: of H's first half, of L, and of H.
    """
    low, high = poles(sample_rate_hz)
    times = np.arange(n_frames + 1.0)
    matrix = np.zeros((n_frames + N_STATES, 2 * n_frames + 1))
    later = np.arange(n_frames)[None, :] - np.arange(n_frames)[:, None]
    for first, impulse in (
        (0, (1.0 - low) * low**times),
        (n_frames, (1.0 - high) ** 2 * (times + 1.0) * high**times),
    ):
        matrix[:n_frames, first : first + n_frames] = np.where(later >= 0, impulse[np.maximum(later, 0)], 0.0)
    matrix[:n_frames, -1] = (1.0 - high) * high ** times[n_frames - 1 :: -1]
    matrix[n_frames, n_frames : 2 * n_frames] = (1.0 - high) * times[1:] * high ** times[1:]
    matrix[n_frames, -1] = high**n_frames
    matrix[n_frames + 1, :n_frames] = low ** times[1:]
    matrix[n_frames + 2, n_frames : 2 * n_frames] = high ** times[1:]
    matrix[np.abs(matrix) < 1e-12] = 0.0  # so that no product is a denormal number
    return matrix.astype(np.float32)
