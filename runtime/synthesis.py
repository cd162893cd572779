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
_LARGEST_PRIME = 13
_WIDEST_DETUNE = 2.0 ** (2.0 / 1200.0)


class NoiseSynthesis:
    """Turns frames of one StftSpec into sound at an engine's sample rate, a hop at a time; all tables are made here.

    Between two hops four grains overlap. Where they share one frame, their sum is made by one inverse transform: a
    Hann window is three taps in the frequency domain, a grain's delay is a rotation of its phases, so four windowed
    and delayed grains add up to one spectrum, F[j] = M[j] A[j] - M[j-1] B[j-1] - M[j+1] C[j+1], and A, B, C are
    tables of the noise alone. A note so begins in full sound, and no grain is kept for later.

    Another rate than the spec's changes the transform's size and not the pitch: bin k sounds at k * bin_hz still.
    fft_size, hop_size: in engine frames; n_magnitudes: bins of a decoded frame; n_bins: those of them below half the
    engine's rate.
    """

    def __init__(self, spec: StftSpec, sample_rate_hz: int, seed: int, max_rows: int):
        self.fft_size = smooth_fft_size(spec.frame_size * sample_rate_hz / spec.sample_rate_hz)
        self.hop_size = self.fft_size // N_OVERLAPS
        self.n_magnitudes = spec.n_bins
        self.n_bins = min(spec.n_bins, self.fft_size // 2 + 1)
        self._weight = k_weighting(np.arange(spec.n_bins) * spec.bin_hz)
        self._taps = _window_taps(self._noise_phasors(seed), self.fft_size, self.hop_size)
        self._products = np.empty((3, self.n_bins), np.complex64)
        self._spectra = np.zeros((max_rows, self.fft_size // 2 + 1), np.complex64)
        self._sound = np.empty((max_rows, self.fft_size), np.float32)
        self._dense_spectrum = np.zeros(self.fft_size + 1, np.complex64)
        self._dense_sound = np.empty(2 * self.fft_size, np.float32)
        self._taps *= np.float32(1.0 / self._flat_gain())

    def level(self, magnitudes: np.ndarray) -> float:
        """Factor that brings a frame (n_bins,) to VOICE_LEVEL_DB, K-weighted; 0 for a silent frame.

        The sound's mean square is half the sum of the squared magnitudes of its sinusoids; source of the weighting
        and its offset of -0.691 dB: ITU-R BS.1770-4.
        """
        power = 0.5 * float(np.dot(np.square(magnitudes), self._weight)) * 10.0**-0.0691
        return 10.0 ** (VOICE_LEVEL_DB / 20.0) / power**0.5 if power > 1e-20 else 0.0

    def hops(self, magnitudes: list[np.ndarray], noise_frames: list[int]) -> np.ndarray:
        """Sound between two hops, float32 (n, fft_size), of levelled frames: n arrays (n_magnitudes,).

        The first hop_size samples are the overlap-added sound. What follows is nearly what the next hop brings, long
        enough for a fade. A view, valid until the next call. noise_frames: which stored noise frame is the newest of
        the four grains.
        """
        spectra = self._spectra[: len(noise_frames)]
        for spectrum, frame, noise_frame in zip(spectra, magnitudes, noise_frames, strict=True):
            self._fill(spectrum, frame, noise_frame, self.n_bins)
        return np.fft.irfft(spectra, self.fft_size, axis=-1, out=self._sound[: len(noise_frames)])

    def dense_hop(self, magnitudes: np.ndarray, noise_frame: int, n_bins: int) -> np.ndarray:
        """Sound of one such hop at twice the density, float32 (2 * fft_size,), of the first n_bins alone; a view."""
        self._dense_spectrum[n_bins : self.n_bins] = 0.0
        self._fill(self._dense_spectrum, magnitudes, noise_frame, min(n_bins, self.n_bins))
        np.fft.irfft(self._dense_spectrum, 2 * self.fft_size, out=self._dense_sound)
        self._dense_sound *= np.float32(2.0)
        return self._dense_sound

    def _fill(self, spectrum: np.ndarray, magnitudes: np.ndarray, noise_frame: int, n_bins: int) -> None:
        products, own = self._products[:, :n_bins], spectrum[:n_bins]
        np.multiply(magnitudes[:n_bins], self._taps[noise_frame, :, :n_bins], out=products)
        np.subtract(products[0, 1:], products[1, :-1], out=own[1:])
        np.subtract(own[:-1], products[2, 1:], out=own[:-1])
        own[0] = 0.0  # a mean is no sound

    def _noise_phasors(self, seed: int) -> np.ndarray:
        """Unit phasors complex64 (N_NOISE_FRAMES, n_bins) of the STFT of a white noise that repeats without a seam."""
        period = N_NOISE_FRAMES * self.hop_size
        noise = np.random.default_rng(seed).standard_normal(period, np.float32)
        noise = np.concatenate([noise, noise[: self.fft_size]])
        window = periodic_hann(self.fft_size)
        phasors = np.empty((N_NOISE_FRAMES, self.n_bins), np.complex64)
        for frame in range(N_NOISE_FRAMES):
            start = frame * self.hop_size
            spectrum = np.fft.rfft(noise[start : start + self.fft_size] * window)[: self.n_bins]
            phasors[frame] = spectrum / np.maximum(np.abs(spectrum), np.float32(1e-12))
        phasors[:, 0] = 0.0
        return phasors

    def _flat_gain(self) -> float:
        """RMS of the sound of a flat frame over that of its sinusoids: overlapping noise grains agree in part."""
        flat = [np.ones(self.n_bins, np.float32)]
        hops = [self.hops(flat, [frame])[0, : self.hop_size] for frame in range(0, N_NOISE_FRAMES, 4)]
        power = np.mean([np.mean(np.square(hop)) for hop in hops])
        return float(np.sqrt(power / (0.5 * (self.n_bins - 1))))


def _window_taps(phasors: np.ndarray, fft_size: int, hop_size: int) -> np.ndarray:
    """The tables A, B, C of `NoiseSynthesis`: complex64 (n_frames, 3, n_bins) for phasors (n_frames, n_bins).

    Grain k of the newest frame t began k hops ago with the phasors of frame t - k. With a delay angle
    a = 2 pi k hop / fft_size its bin j turns by j a, and its window's taps are 1/2 and -1/4 exp(+-i a).
    """
    bins = np.arange(phasors.shape[1])
    taps = np.zeros((len(phasors), 3, phasors.shape[1]), np.complex64)
    for k in range(N_OVERLAPS):
        angle = 2.0 * np.pi * k * hop_size / fft_size
        delayed = np.roll(phasors, k, axis=0) * np.exp(1j * angle * bins).astype(np.complex64)
        for tap, weight in enumerate((0.5, 0.25 * np.exp(1j * angle), 0.25 * np.exp(-1j * angle))):
            taps[:, tap] += np.complex64(weight * fft_size) * delayed
    return taps


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
