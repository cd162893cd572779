"""Noise-phase inverse STFT: magnitude frames to sound, at any sample rate.

Source of the method: Colonel and Keene 2020: give a decoded frame the phases of the STFT of white noise, transform
back, overlap and add.
"""

from __future__ import annotations

import numpy as np

from runtime.loudness import k_weighting
from runtime.spectrum import StftSpec, periodic_hann

N_OVERLAPS = 4
N_NOISE_FRAMES = 256
VOICE_LEVEL_DB = -18.0
# A hop is a whole number of these, so that hops of all voices fall on one grid at any sample rate.
GRID_FRAMES = 64
_LARGEST_PRIME = 13
_WIDEST_DETUNE = 2.0 ** (2.0 / 1200.0)


class NoiseSynthesis:
    """Turns frames of one StftSpec into windowed grains at an engine's sample rate; all tables are made here.

    Another rate than the spec's changes the transform's size and not the pitch: bin k sounds at k * bin_hz still.
    fft_size, hop_size, grain_size: in engine frames; n_magnitudes: bins of a decoded frame; n_bins: those of them below
    half the rate of the engine.
    """

    def __init__(self, spec: StftSpec, sample_rate_hz: int, seed: int, max_grains: int):
        self.fft_size = smooth_fft_size(spec.frame_size * sample_rate_hz / spec.sample_rate_hz)
        self.hop_size = max(1, round_down(self.fft_size // N_OVERLAPS, GRID_FRAMES))
        self.grain_size = N_OVERLAPS * self.hop_size
        self.n_magnitudes = spec.n_bins
        self.n_bins = min(spec.n_bins, self.fft_size // 2 + 1)
        self._weight = k_weighting(np.arange(spec.n_bins) * spec.bin_hz)
        self._phasors = self._noise_phasors(seed)
        self._window = periodic_hann(self.grain_size) * np.float32(self.fft_size / 1.5)
        self._spectra = np.zeros((max_grains, self.fft_size // 2 + 1), np.complex64)
        self._grains = np.empty((max_grains, self.fft_size), np.float32)
        self._window *= np.float32(1.0 / self._flat_gain())

    def level(self, magnitudes: np.ndarray) -> float:
        """Factor that brings a frame (n_bins,) to VOICE_LEVEL_DB, K-weighted; 0 for a silent frame.

        The sound's mean square is half the sum of the squared magnitudes of its sinusoids; source of the weighting
        and its offset of -0.691 dB: ITU-R BS.1770-4.
        """
        power = 0.5 * float(np.dot(np.square(magnitudes), self._weight)) * 10.0**-0.0691
        return 10.0 ** (VOICE_LEVEL_DB / 20.0) / power**0.5 if power > 1e-20 else 0.0

    def grains(self, magnitudes: np.ndarray, noise_frames: np.ndarray) -> np.ndarray:
        """Windowed grains float32 (n, grain_size) of levelled magnitudes (n, n_bins); a view, valid until the next call.

        noise_frames: int (n,), which frame of the stored noise gives each grain its phases.
        """
        n = len(noise_frames)
        spectra, grains = self._spectra[:n], self._grains[:n]
        for row, noise_frame in enumerate(noise_frames):
            np.multiply(magnitudes[row, : self.n_bins], self._phasors[noise_frame], out=spectra[row, : self.n_bins])
        np.fft.irfft(spectra, self.fft_size, axis=-1, out=grains)
        windowed = grains[:, : self.grain_size]
        np.multiply(windowed, self._window, out=windowed)
        return windowed

    def _noise_phasors(self, seed: int) -> np.ndarray:
        """Unit phasors complex64 (N_NOISE_FRAMES, n_bins) of a white noise that repeats without a seam."""
        period = N_NOISE_FRAMES * self.hop_size
        noise = np.random.default_rng(seed).standard_normal(period, np.float32)
        noise = np.concatenate([noise, noise[: self.fft_size]])
        window = periodic_hann(self.fft_size)
        phasors = np.empty((N_NOISE_FRAMES, self.n_bins), np.complex64)
        for frame in range(N_NOISE_FRAMES):
            start = frame * self.hop_size
            spectrum = np.fft.rfft(noise[start : start + self.fft_size] * window)[: self.n_bins]
            phasors[frame] = spectrum / np.maximum(np.abs(spectrum), np.float32(1e-12))
        phasors[:, 0] = 0.0  # a mean is no sound
        return phasors

    def _flat_gain(self) -> float:
        """RMS of the overlap-added sound over that of its sinusoids: overlapping noise grains agree in part."""
        n_grains = 64
        sound = np.zeros((n_grains + N_OVERLAPS) * self.hop_size)
        flat = np.ones((1, self.n_bins), np.float32)
        for grain in range(n_grains):
            start = grain * self.hop_size
            sound[start : start + self.grain_size] += self.grains(flat, np.array([grain]))[0]
        steady = sound[self.grain_size : -2 * self.grain_size]
        return float(np.sqrt(np.mean(np.square(steady)) / (0.5 * (self.n_bins - 1))))


def round_down(value: int, step: int) -> int:
    """The largest multiple of `step` that is not above `value`; `value` itself below one step."""
    return value // step * step if value >= step else value


def smooth_fft_size(size: float) -> int:
    """The whole number nearest to `size` whose prime factors are at most 13: other sizes cost ten times as much.

    The transform's size tunes the sound; within 2 cents the nearest smooth size is taken, else the nearest of all.
    """
    nearest = round(size)
    reach = int(size * (_WIDEST_DETUNE - 1.0))
    candidates = sorted(range(nearest - reach, nearest + reach + 1), key=lambda n: abs(n - size))
    return next((n for n in candidates if _is_smooth(n)), nearest)


def _is_smooth(number: int) -> bool:
    for prime in range(2, _LARGEST_PRIME + 1):
        while number % prime == 0 and number > 1:
            number //= prime
    return number == 1
