"""Measures a recording's tuning to about a cent, from the phases of its partials."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.pitch import hz_to_note
from runtime.acoustics.spectrum import StftSpec, periodic_hann

SPEC = StftSpec()
# The distance, in samples, between the two spectra whose phases are compared. At a much larger distance, several
# frequencies near a bin would give the same phases.
STEP_SAMPLES = 64
N_FRAMES = 48
N_HARMONICS = 8
FARTHEST = 0.04  # a partial is no harmonic if it is off by more than this share of the harmonic's frequency
WEAKEST_DB = -40.0  # harmonics weaker than this, relative to the strongest in any frame, are ignored


def pitch_of_note(samples: np.ndarray, starts: np.ndarray, about_hz: float) -> float:
    """The pitch of a steady note, as a fractional MIDI note.

    The result is a median over harmonics and frames, weighted by magnitude. Source: Flanagan and Golden, Phase Vocoder,
    1966.

    samples: float32 (n,) at 44.1 kHz.
    starts: sample numbers at which steady frames begin, (n_frames,).
    about_hz: the note's frequency, to within half a semitone.
    """
    starts = starts[starts + SPEC.frame_size + STEP_SAMPLES <= len(samples)]
    if not len(starts):
        return float(hz_to_note(about_hz))
    starts = starts[np.linspace(0, len(starts) - 1, min(N_FRAMES, len(starts))).round().astype(int)]
    window = periodic_hann(SPEC.frame_size)
    first, second = (
        np.fft.rfft(np.stack([samples[s + d : s + d + SPEC.frame_size] for s in starts]) * window, axis=1)
        for d in (0, STEP_SAMPLES)
    )
    found, weights = [], []
    for harmonic in range(1, N_HARMONICS + 1):
        low, high = (round(harmonic * about_hz * (1.0 + way * FARTHEST) / SPEC.bin_hz) for way in (-1, 1))
        if high + 1 >= SPEC.n_bins:
            break
        bins = low + np.abs(first[:, low : high + 1]).argmax(axis=1)
        rows = np.arange(len(starts))
        hz = _turned_hz(first[rows, bins], second[rows, bins], bins)
        near = np.abs(hz / (harmonic * about_hz) - 1.0) <= FARTHEST
        found.append(hz[near] / harmonic)
        weights.append(np.abs(first[rows, bins])[near])
    return _weighted_median(np.concatenate(found), np.concatenate(weights), about_hz)


def _turned_hz(first: np.ndarray, second: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """For each bin, the frequency in Hz that turns the bin's phase in `first` into its phase in `second`.

    Many frequencies do so; this is the one nearest to the bin's centre.

    first, second: the bins' complex values in two spectra STEP_SAMPLES apart.
    bins: the bins' numbers.
    """
    expected = 2.0 * np.pi * bins * STEP_SAMPLES / SPEC.frame_size
    turned = np.angle(second * np.conj(first) * np.exp(-1j * expected))
    return (expected + turned) * SPEC.sample_rate_hz / (2.0 * np.pi * STEP_SAMPLES)


def _weighted_median(hz: np.ndarray, weights: np.ndarray, about_hz: float) -> float:
    heard = weights >= weights.max(initial=0.0) * 10.0 ** (WEAKEST_DB / 20.0)
    hz, weights = hz[heard], weights[heard]
    if not len(hz):
        return float(hz_to_note(about_hz))
    order = np.argsort(hz)
    middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2.0)
    return float(hz_to_note(hz[order[min(middle, len(hz) - 1)]]))
