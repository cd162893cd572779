"""Draws a spectrum for display: 256 bands, evenly spaced in pitch, with the level of each in dB as one byte."""

from __future__ import annotations

import numpy as np

N_BANDS = 256
LOWEST_HZ, HIGHEST_HZ = 30.0, 18000.0
QUIETEST_DB, LOUDEST_DB = -96.0, 0.0  # the levels of the bytes 0 and 255
_TINY = np.float32(1e-9)


class SpectrumPicture:
    """Draws spectra of n_bins bins. bin_hz: the distance between two bins in Hz.

    A band shows the loudest bin inside it. But some of the lowest bands may contain no bin. All bands up to the highest
    of these show the magnitude at their middle, interpolated linearly between two bins.
    """

    def __init__(self, bin_hz: float, n_bins: int):
        edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_BANDS + 1) / bin_hz
        middles = np.sqrt(edges[1:] * edges[:-1])
        narrow = np.flatnonzero(np.diff(np.ceil(edges)) < 1.0)
        first_wide = int(narrow[-1]) + 1 if len(narrow) else 0
        starts = np.ceil(edges[first_wide:-1]).astype(np.int64)
        self._n_there = int(np.searchsorted(starts, n_bins))  # number of wide bands that begin within the spectrum
        self._starts = starts[: self._n_there]
        self._end = min(n_bins, int(np.ceil(edges[-1])))
        self._middles, self._first_wide, self._bins = middles[:first_wide], first_wide, np.arange(n_bins)
        self._n_low = min(n_bins, int(middles[first_wide - 1]) + 2) if first_wide else 0

    def draw(self, magnitudes: np.ndarray, gain: float) -> bytes:
        """Draw a spectrum as 256 bytes.

        magnitudes: float (n_bins,).
        gain: factor that turns the magnitude of 0 dB into 1.
        """
        bands = np.zeros(N_BANDS, np.float32)
        low = magnitudes[: self._n_low]
        bands[: self._first_wide] = np.interp(self._middles, self._bins[: self._n_low], low)
        wide = np.maximum.reduceat(magnitudes[: self._end], self._starts)
        bands[self._first_wide : self._first_wide + self._n_there] = wide
        levels_db = 20.0 * np.log10(np.maximum(bands * np.float32(gain), _TINY))
        steps = (levels_db - QUIETEST_DB) * (255.0 / (LOUDEST_DB - QUIETEST_DB))
        return np.clip(np.rint(steps), 0.0, 255.0).astype(np.uint8).tobytes()
