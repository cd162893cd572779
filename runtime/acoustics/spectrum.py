"""The project's short-time Fourier transform: its sizes, its window and its analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SILENCE_DB = -60.0
LOWEST_HEARD_HZ, HIGHEST_HEARD_HZ = 20.0, 20000.0


@dataclass(frozen=True)
class StftSpec:
    """Settings of a Fourier transform: sample rate, sizes in samples, window. Defaults: as in arXiv 2001.11296."""

    sample_rate_hz: int = 44100
    frame_size: int = 4096
    hop_size: int = 1024
    window: str = "hann"  # the only window that this module and the synthesis support

    @property
    def n_bins(self) -> int:
        return self.frame_size // 2 + 1

    @property
    def bin_hz(self) -> float:
        return self.sample_rate_hz / self.frame_size

    @property
    def first_heard_bin(self) -> int:
        """Index of the lowest bin at or above 20 Hz; lower bins are neither learnt nor played."""
        return math.ceil(LOWEST_HEARD_HZ / self.bin_hz)


def periodic_hann(size: int) -> np.ndarray:
    """Periodic Hann window, float32 (size,). Squared windows at hops of size / 4 add up to 1.5."""
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)


def magnitude_frames(signal: np.ndarray, spec: StftSpec = StftSpec()) -> np.ndarray:
    """Magnitudes |STFT| of a mono signal, float32 (n_frames, n_bins).

    signal: float (n_samples,) at spec.sample_rate_hz. Samples left over at the end are ignored, and a signal shorter
    than one frame gives no frames.
    """
    signal = np.asarray(signal, np.float32)
    if len(signal) < spec.frame_size:
        return np.zeros((0, spec.n_bins), np.float32)
    framed = np.lib.stride_tricks.sliding_window_view(signal, spec.frame_size)[:: spec.hop_size]
    return np.abs(np.fft.rfft(framed * periodic_hann(spec.frame_size), axis=-1)).astype(np.float32)


def unit_peak_frames(
    magnitudes: np.ndarray, spec: StftSpec = StftSpec(), silence_db: float = SILENCE_DB
) -> tuple[np.ndarray, np.ndarray]:
    """Divide every frame by its maximum, and drop silent frames.

    A frame whose maximum is not finite is dropped, too. Bins below 20 Hz do not count for the maximum, and are set to
    0, because a quarter of the virtual-analogue corpus has an inaudible DC offset.

    magnitudes: (n_frames, n_bins).
    silence_db: a frame is silent if its maximum is at or below this level; a full-scale sine has 0 dB.
    Returns the kept frames, float32 (n_kept, n_bins), and their indices, int (n_kept,).
    """
    full_scale = spec.frame_size / 4.0  # peak of a unit sine through a Hann window
    heard = spec.first_heard_bin
    peak = magnitudes[:, heard:].max(axis=-1, initial=0.0)
    kept = np.flatnonzero(np.isfinite(peak) & (peak > full_scale * 10.0 ** (silence_db / 20.0)))
    frames = (magnitudes[kept] / peak[kept, None]).astype(np.float32)
    frames[:, :heard] = 0.0
    return frames, kept
