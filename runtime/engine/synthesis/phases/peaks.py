"""The sinusoids of a spectrum: its local maxima that have the shape of a Hann lobe."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Let `above` and `below` be the magnitudes of the two bins beside a peak. For a Hann lobe, (above + below) / peak is
# between 1 and 1.2 (see `PeakFinder.find`). A peak is no sinusoid if its ratio is at least _BLUNTEST times the ratio of
# a Hann lobe. With this value of _BLUNTEST, the spectrum of the sound comes nearest to the given spectrum, both for
# instruments and for noise.
_BLUNTEST = np.array(1.3, np.float32)
# Peaks that are softer than this, relative to their spectrum's loudest bin, are inaudible. They stay noise.
_LEAST_PEAK_DB = -100.0
_LEAST_PEAK = np.array(10.0 ** (_LEAST_PEAK_DB / 20.0), np.float32)
# Below bin N_LOW_BINS, a bin is a large interval: if a decoder puts C2's fundamental off by 0.1 bins, C2 is 28 cents
# out of tune. So a sinusoid that is at most _HELD_BINS from a multiple of its note's fundamental moves onto the
# multiple. A sinusoid that is 2 * _HELD_BINS or more away stays. In between, it moves part of the way, so that its
# pitch never jumps.
N_LOW_BINS, _HELD_BINS, _NO_BINS = 32, np.array(0.2, np.float32), np.array(0.0, np.float32)
_NEVER_HELD = _HELD_BINS + _HELD_BINS
# The fundamental, in bins, that `beside_multiples` gets if a spectrum's sinusoids must stay where they are.
NO_FUNDAMENTAL = 1e6
_BESIDE, _BEYOND = np.array([-1, 0, 1])[:, None], np.array([-2, 1, 2])[:, None]  # bins, counted from a peak's bin
_HALF, _MINUS_HALF, _FOUR = (np.array(value, np.float32) for value in (0.5, -0.5, 4.0))


class Peaks(NamedTuple):
    """The sinusoids of some spectra; each array is (n_peaks,).

    rows: the index of each peak's spectrum, intp.
    bins: each peak's bin, intp.
    places: each peak's index in the flattened magnitudes, intp.
    distances: from the peak's bin to the sinusoid's frequency, in bins.
    two_below: whether the sinusoid covers the second bin below the peak, bool. It always covers the first one.
    above: whether the sinusoid covers the first bin above the peak, bool.
    two_above: whether the sinusoid covers the second bin above the peak, bool.
    """

    rows: np.ndarray
    bins: np.ndarray
    places: np.ndarray
    distances: np.ndarray
    two_below: np.ndarray
    above: np.ndarray
    two_above: np.ndarray


class PeakFinder:
    """Finds the sinusoids of up to max_rows spectra per call; the lowest n_silent bins have no peaks."""

    def __init__(self, max_rows: int, n_bins: int, n_silent: int):
        self._n_silent, self._n_bins = n_silent, n_bins
        # Two more entries than there are bins, because `find` also reads the entries of the two bins above a peak.
        self._rising = np.ones(max_rows * n_bins + 2, bool)
        self._are_peaks, self._falling = np.zeros((2, max_rows * n_bins), bool)
        self._loudest = np.empty((max_rows, 1), np.float32)

    def find(self, magnitudes: np.ndarray, beside_notes: np.ndarray) -> Peaks:
        """Find the sinusoids of spectra.

        magnitudes: the spectra, a contiguous array (n, n_bins).
        beside_notes: for each spectrum, what `beside_multiples` returns for its note's fundamental, float32
            (n, N_LOW_BINS). A low sinusoid close to a multiple of this fundamental is moved towards the multiple.

        Let `above` and `below` be the magnitudes of the two bins beside a peak. If the peak is that of a Hann lobe,
        the sinusoid's frequency has the distance d from the peak's bin, and d gives the ratio (above + below) / peak:
        d = 2 (above - below) / (above + 2 peak + below)
        (above + below) / peak = (4 + 2 d^2) / (4 - d^2)

        A sinusoid covers its peak's bin, and on either side the bins down to the next local minimum, but at most two.
        The minimum between two peaks belongs to the peak of the higher frequency.
        """
        flat, rising = magnitudes.reshape(-1), self._rising
        places = self._loud_maxima(magnitudes)
        below, peak, above = flat.take(places + _BESIDE, mode="wrap")  # faster than "raise"
        beside = above + below
        above -= below
        above += above
        distances = above / (beside + (peak + peak))
        np.minimum(distances, _HALF, out=distances)
        np.maximum(distances, _MINUS_HALF, out=distances)
        squared = distances * distances
        beside *= _FOUR - squared
        squared += squared
        squared += _FOUR
        squared *= peak
        squared *= _BLUNTEST
        sinusoids = (beside < squared).nonzero()[0]
        places, distances = places.take(sinusoids), distances.take(sinusoids)
        rows = places // magnitudes.shape[1]
        bins = places - rows * magnitudes.shape[1]
        _hold(rows, bins, distances, beside_notes)
        two_below, next_rises, then_rises = rising.take(places + _BEYOND, mode="wrap")
        next_falls = ~next_rises
        return Peaks(rows, bins, places, distances, two_below, next_falls, next_falls > then_rises)

    def _loud_maxima(self, magnitudes: np.ndarray) -> np.ndarray:
        """The local maxima that are loud enough (see _LEAST_PEAK_DB), as indices in the flattened magnitudes."""
        n, n_bins = magnitudes.shape
        rising, are_peaks, falling = (
            self._rising[: n * n_bins],
            self._are_peaks[: n * n_bins],
            self._falling[: n * n_bins],
        )
        rows = rising.reshape(n, n_bins)
        flat = magnitudes.reshape(-1)
        np.greater(flat[1:], flat[:-1], out=rising[:-1])  # faster than row by row
        # so that no sinusoid reaches into the next row
        rows[:, : self._n_silent], rows[:, -2:] = True, False
        loudest = np.maximum.reduce(magnitudes, axis=1, keepdims=True, out=self._loudest[:n])
        loudest *= _LEAST_PEAK
        np.greater(magnitudes, loudest, out=are_peaks.reshape(n, n_bins))
        np.greater(rising[:-1], rising[1:], out=falling[1:])
        are_peaks &= falling
        return are_peaks.nonzero()[0]


def beside_multiples(fundamental: float) -> np.ndarray:
    """How far each of the lowest N_LOW_BINS bins lies above the nearest multiple of a fundamental: float32, in bins.

    Negative for a bin that lies below the multiple.

    fundamental: in bins.
    """
    bins = np.arange(N_LOW_BINS)
    return (bins - np.rint(bins / fundamental) * fundamental).astype(np.float32)


def _hold(rows: np.ndarray, bins: np.ndarray, distances: np.ndarray, beside: np.ndarray) -> None:
    """Move each low sinusoid towards the nearest multiple of its note's fundamental, if it is close to this multiple.

    rows, bins: as in `Peaks`.
    distances: as in `Peaks`; they are changed in place.
    beside: as `beside_notes` in `PeakFinder.find`.
    """
    low = (bins < N_LOW_BINS).nonzero()[0]
    places, found = rows.take(low), distances.take(low)
    places *= N_LOW_BINS
    places += bins.take(low)
    off = beside.take(places)
    off += found
    moved = np.abs(off)
    most = _NEVER_HELD - moved
    np.maximum(most, _NO_BINS, out=most)
    np.minimum(moved, most, out=moved)
    found -= np.copysign(moved, off, out=moved)
    distances[low] = found
