"""Finds the colour (a gain for each of 40 bands) that brings a decoded spectrum close to a heard one."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS, band_weights
from runtime.acoustics.spectrum import StftSpec
from runtime.encoding.colour import LEAST_DB, MOST_DB

N_STEPS = 4
FLOOR = np.float32(1e-7)  # the lowest level of a band: 70 dB below the power of all bands together
_TINY = np.float32(1e-30)
_PER_DB = np.float32(np.log(10.0) / 20.0)


class BandColour:
    """Finds colours, and applies them to spectra.

    Each bin counts only in the two bands whose centres are nearest to it. So a band's level is a sum over a few
    neighbouring bins. This sum takes a hundredth of the work of a matrix product, which would also start threads.

    spec: the spectra's transform.
    n_rows: the most spectra in one call.
    """

    def __init__(self, spec: StftSpec, n_rows: int):
        weights = band_weights(np.arange(spec.n_bins) * spec.bin_hz)
        self._lower = np.minimum(np.argmax(weights > 0.0, axis=0), N_BANDS - 2)
        self._upper = self._lower + 1
        bins = np.arange(spec.n_bins)
        self._lower_share, self._upper_share = weights[self._lower, bins], weights[self._upper, bins]
        self._first = int(self._lower[0])
        self._starts = np.searchsorted(self._lower, np.arange(self._first, self._lower[-1] + 1))
        self._power = np.zeros((2, n_rows, spec.n_bins), np.float32)
        self._bands = np.zeros((3, n_rows, N_BANDS), np.float32)
        self._sums = np.zeros((n_rows, len(self._starts)), np.float32)
        self._totals = np.zeros((n_rows, 1), np.float32)

    def find(self, decoded: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """The colours that bring the spectra in `decoded` close to those in `heard`.

        How loud a spectrum is as a whole does not count.

        decoded, heard: float32 (n, n_bins).
        Returns gains in dB, float32 (n, 40), valid until the next call.
        """
        n = len(decoded)
        asked_db, found_db, colour_db = self._bands[:, :n]
        coloured = self._power[1, :n]
        self._levels(heard, asked_db)
        colour_db[:] = 0.0
        np.copyto(coloured, decoded)
        for step in range(N_STEPS):
            if step:
                self._gains(colour_db, coloured)
                coloured *= decoded
            self._levels(coloured, found_db)
            asked_less_found = np.subtract(asked_db, found_db, out=found_db)
            colour_db += asked_less_found
            np.maximum(colour_db, LEAST_DB, out=colour_db)
            np.minimum(colour_db, MOST_DB, out=colour_db)
        return colour_db

    def put(self, colour_db: np.ndarray, share: float, spectra: np.ndarray) -> None:
        """Give each spectrum a share of its colour, in place.

        colour_db: the colour of each spectrum, (n, 40); overwritten.
        share: from 0 for no colour to 1 for the whole colour.
        spectra: (n, n_bins); changed.
        """
        colour_db *= np.float32(share)
        gains = self._power[1, : len(spectra)]
        self._gains(colour_db, gains)
        spectra *= gains

    def _gains(self, colour_db: np.ndarray, out: np.ndarray) -> None:
        """Write each bin's gain to `out`, as a factor."""
        other = self._power[0, : len(out)]
        for row_db, row, upper in zip(colour_db, out, other, strict=True):
            np.take(row_db, self._lower, out=row, mode="clip")
            np.take(row_db, self._upper, out=upper, mode="clip")
        out *= self._lower_share
        other *= self._upper_share
        out += other
        out *= _PER_DB
        np.exp(out, out=out)

    def _levels(self, spectra: np.ndarray, out_db: np.ndarray) -> None:
        """Write each band's level to `out_db`, in dB relative to the power of all bands together."""
        n = len(spectra)
        power, sums, totals = self._power[0, :n], self._sums[:n], self._totals[:n]
        out_db[:] = 0.0
        for share, bands in ((self._lower_share, 0), (self._upper_share, 1)):
            np.square(spectra, out=power)
            power *= share
            np.add.reduceat(power, self._starts, axis=1, out=sums)
            out_db[:, self._first + bands : self._first + bands + sums.shape[1]] += sums
        np.add.reduce(out_db, axis=1, keepdims=True, out=totals)
        np.maximum(totals, _TINY, out=totals)
        out_db /= totals
        np.maximum(out_db, FLOOR, out=out_db)
        np.log10(out_db, out=out_db)
        out_db *= np.float32(10.0)
