"""Noise phases: the phases of the STFT of white noise, stored as taps."""

from __future__ import annotations

import functools

import numpy as np

from runtime.acoustics.spectrum import periodic_hann
from runtime.engine.synthesis.phases.taps import N_OVERLAPS, new_taps, received_taps

# The stored noise repeats after this many hops.
N_NOISE_SPECTRA = 256
# This many neighbouring lanes form a row. They read the same stored spectra, but each lane begins at another bin.
LANES_PER_ROW = 16
# In the stored noise, each row of lanes reads this many hops ahead of the row before it. So among four neighbouring
# rows, no row repeats within a second what another row has played.
_HOPS_BETWEEN_ROWS = 64
# The places of four rows divide the stored noise evenly. The places of the next four rows lie half-way between these.
_HOPS_BETWEEN_ROUNDS = _HOPS_BETWEEN_ROWS // 2
_BINS_BETWEEN_LANES = N_OVERLAPS
# The two measured factors a and b of this formula: with noise phases, magnitudes m[k] have the power
# a * sum(m[k]^2) + b * sum(m[k] * m[k + 1]). The second sum counts because the phases of neighbouring bins are
# correlated. So a Hann lobe sounds 0.9 dB softer than a flat spectrum with the same sum of squares.
NOISE_POWER = 0.444, 0.556
# RMS of a flat spectrum's sound, divided by the RMS of a sum of sinusoids, one for each bin. It was measured, because
# overlapping windows are correlated.
_FLAT_GAIN = 4.557


def noise_index(lane: int, hop: int) -> int:
    """Index of the newest of the stored spectra that sound in hop number `hop` of a lane."""
    from_row_0 = lane // LANES_PER_ROW * _HOPS_BETWEEN_ROWS
    n_rounds = from_row_0 // N_NOISE_SPECTRA
    return (hop + from_row_0 + n_rounds * _HOPS_BETWEEN_ROUNDS) % N_NOISE_SPECTRA


# A table takes 11 MB, and 35 ms to make. Engines with the same seed share it.
@functools.lru_cache(maxsize=2)
def noise_taps(n_bins: int, fft_size: int, hop_size: int, seed: int) -> np.ndarray:
    """The taps of the noise, read-only: float32 (N_NOISE_SPECTRA, LANES_PER_ROW, 3, 2 * n_bins).

    The last two axes are as in `received_taps`. All lanes are views of one table, in which each lane begins four bins
    above the previous lane. So the lanes of a row read nearly the same memory, which stays in the processor's cache.
    The lanes' noises are independent, because in noise, bins that are four apart are independent. Each lane's noise
    still continues smoothly from hop to hop, because a shift by four bins changes the phase by one whole cycle per hop.

    fft_size, hop_size: in engine frames.
    """
    phasors = noise_phasors(n_bins + _BINS_BETWEEN_LANES * (LANES_PER_ROW - 1), fft_size, hop_size, seed)
    taps = _window_taps(phasors, fft_size, hop_size)
    taps *= np.float32(1.0 / _FLAT_GAIN)
    received = received_taps(taps)
    spectrum_stride, tap_stride, stride = received.strides
    return np.lib.stride_tricks.as_strided(
        received,
        (len(taps), LANES_PER_ROW, 3, 2 * n_bins),
        (spectrum_stride, 2 * _BINS_BETWEEN_LANES * stride, tap_stride, stride),
        writeable=False,
    )


def noise_phasors(n_bins: int, fft_size: int, hop_size: int, seed: int) -> np.ndarray:
    """The STFT of a white noise that loops without a seam, as unit phasors: complex64 (N_NOISE_SPECTRA, n_bins).

    The noise is complex, so that the bins above half the sample rate are independent of the bins below it. The shifted
    lanes of `noise_taps` also use some of these upper bins.
    """
    period = N_NOISE_SPECTRA * hop_size
    noise = np.random.default_rng(seed).standard_normal((period, 2), np.float32).view(np.complex64)[:, 0]
    noise = np.concatenate([noise, noise[:fft_size]])
    window = periodic_hann(fft_size)
    phasors = np.empty((N_NOISE_SPECTRA, n_bins), np.complex64)
    for index in range(N_NOISE_SPECTRA):
        start = index * hop_size
        spectrum = np.fft.fft(noise[start : start + fft_size] * window)[:n_bins]
        phasors[index] = spectrum / np.maximum(np.abs(spectrum), np.float32(1e-12))
    return phasors


def _window_taps(phasors: np.ndarray, fft_size: int, hop_size: int) -> np.ndarray:
    """Taps in the layout of `new_taps`, for the phasors of windows that begin one hop apart.

    The window that began k hops ago has the phasors that lie k spectra earlier. A delay of k hops rotates bin j of this
    window by the angle j * a, where a = 2 pi k hop_size / fft_size. The Hann window, delayed too, has the taps
    -exp(i a) / 4, 1 / 2 and -exp(-i a) / 4.

    phasors: complex64 (n_spectra, n_bins).
    """
    n_spectra, n_bins = phasors.shape
    taps = new_taps(n_spectra, n_bins)
    for k in range(N_OVERLAPS):
        angle = 2.0 * np.pi * k * hop_size / fft_size
        delayed = np.roll(phasors, k, axis=0) * np.exp(1j * angle * np.arange(n_bins)).astype(np.complex64)
        for tap, weight in enumerate((-0.25 * np.exp(1j * angle), 0.5, -0.25 * np.exp(-1j * angle))):
            taps[:, tap, 1:-1] += np.complex64(weight * fft_size) * delayed
    return taps
