"""The sinusoids of a spectrum: its local maxima that have the shape of a Hann lobe."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# The two bins beside a Hann lobe's peak add up to 1 to 1.2 times the peak; a peak whose neighbours add up to more than
# this is no sinusoid. Chosen for the least error of re-analysed sounds, over spectra of instruments and of noise.
_BLUNTEST = 1.3


class Peaks(NamedTuple):
    """The peaks of some spectra.

    places: intp (n_peaks,), the index of each peak in the flattened magnitudes; frequencies: (n_peaks,), in bins;
    are_sinusoids: bool (n_peaks,); regions: intp (n, n_bins), for each bin the number of the peak that it belongs to.
    """

    places: np.ndarray
    frequencies: np.ndarray
    are_sinusoids: np.ndarray
    regions: np.ndarray


class PeakFinder:
    """Finds the peaks of up to max_rows spectra at once; the lowest n_silent bins have none."""

    def __init__(self, max_rows: int, n_bins: int, n_silent: int):
        self._n_silent = n_silent
        self._bins = np.tile(np.arange(n_bins), max_rows)
        self._rising, self._begins = np.zeros((2, max_rows, n_bins), bool)
        self._regions = np.zeros((max_rows, n_bins), np.intp)

    def find(self, magnitudes: np.ndarray) -> Peaks:
        """The peaks of magnitudes (n, n_bins); `regions` is valid until the next call.

        The distance d of a sinusoid from its peak bin follows from its Hann lobe's values there and on either side:
        d = 2 (above - below) / (above + 2 peak + below), and (above + below) / peak = (4 + 2 d^2) / (4 - d^2).
        """
        n = len(magnitudes)
        rising = self._rising[:n]
        np.greater(magnitudes[:, 1:], magnitudes[:, :-1], out=rising[:, :-1])
        # Each row begins with a rise and ends with a fall, so that no region reaches into the next row.
        rising[:, : self._n_silent], rising[:, -2:] = True, False
        flat, flat_rising = magnitudes.reshape(-1), rising.reshape(-1)
        np.less(flat_rising[:-1], flat_rising[1:], out=self._begins.reshape(-1)[1 : flat.size])
        places = np.flatnonzero(flat_rising[:-1] > flat_rising[1:]) + 1
        peak, above, below = flat.take(places), flat.take(places + 1), flat.take(places - 1)
        beside = above + below
        distance = 2.0 * (above - below) / (beside + 2.0 * peak + np.float32(1e-30))
        np.clip(distance, -0.5, 0.5, out=distance)
        squared = distance * distance
        are_sinusoids = beside * (4.0 - squared) < _BLUNTEST * peak * (4.0 + 2.0 * squared)
        regions = self._regions[:n]
        np.cumsum(self._begins[:n], out=regions.reshape(-1))
        return Peaks(places, self._bins.take(places) + distance, are_sinusoids, regions)
