"""Measures how much of a note's power is loose. Loose power flutters when the note is played with coherent phases."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.phases.peaks import NO_FUNDAMENTAL, PeakFinder, beside_multiples

_MOST_ROWS = 64
_LEAST_POWER = 1e-20


def loose_shares(magnitudes: np.ndarray, spec: StftSpec, fundamental_hz: float) -> np.ndarray:
    """How much of each spectrum's power is loose: a share from 0 to 1, (n,).

    The engine plays a peak that has the shape of a Hann lobe as one tone. It plays a blunter peak, and a harmonic with
    two peaks, as sinusoids that are a few bins apart. Such sinusoids beat, so the level of the harmonic flutters.
    The strongest tone of each harmonic is not loose. All other power is.

    magnitudes: the spectra, float32 (n, n_bins).
    fundamental_hz: the note's fundamental in these spectra.
    """
    finder = PeakFinder(_MOST_ROWS, spec.n_bins, spec.first_heard_bin)
    parts = [magnitudes[first : first + _MOST_ROWS] for first in range(0, len(magnitudes), _MOST_ROWS)]
    return np.concatenate([_loose_shares(finder, np.ascontiguousarray(part), spec, fundamental_hz) for part in parts])


def _loose_shares(finder: PeakFinder, magnitudes: np.ndarray, spec: StftSpec, fundamental_hz: float) -> np.ndarray:
    peaks = finder.find(magnitudes, np.tile(beside_multiples(NO_FUNDAMENTAL), (len(magnitudes), 1)))
    power, places = np.square(magnitudes).reshape(-1), peaks.places
    tones = power[places - 1] + power[places] + power[places - 2] * peaks.two_below
    tones += power.take(places + 1, mode="clip") * peaks.above + power.take(places + 2, mode="clip") * peaks.two_above
    # The peaks are sorted by spectrum, then by frequency. So the peaks of one harmonic follow each other.
    numbers = np.rint((peaks.bins + peaks.distances) * spec.bin_hz / fundamental_hz).astype(np.intp)
    firsts = np.flatnonzero(np.diff(peaks.rows * spec.n_bins + numbers, prepend=-1))
    main = np.bincount(peaks.rows[firsts], np.maximum.reduceat(tones, firsts), len(magnitudes))
    total = power.reshape(magnitudes.shape).sum(axis=1)
    # Rounding can make the power of the tones a little larger than that of the spectrum.
    return np.maximum(0.0, 1.0 - main / np.maximum(total, _LEAST_POWER))
