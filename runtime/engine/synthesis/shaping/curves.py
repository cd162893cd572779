"""Gain curves on a grid of frequencies: filter, tilt and colour."""

from __future__ import annotations

import math

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS, band_centres_hz, mel
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, LOWEST_HEARD_HZ

GRID_STEPS_PER_OCTAVE = 64
_OCTAVES = math.log2(HIGHEST_HEARD_HZ / LOWEST_HEARD_HZ)
N_GRID = math.ceil(_OCTAVES * GRID_STEPS_PER_OCTAVE) + 1
TILT_PIVOT_HZ = 1000.0
_NEPER_PER_DB = math.log(10.0) / 20.0
_LEAST_GAIN = 1e-6
# If x is above 88, exp(x) exceeds the range of float32.
_LARGEST_EXPONENT = 80.0
_SILENCE_NEPER = -80.0
# A resonance is a bell: at x octaves from the cutoff, it adds resonance_db / (1 + 8 x^2)^2.
_BELL = 8.0
# Half an octave above and below its cutoff, a band pass is 3 dB softer than at the cutoff.
_BAND_WIDTH = 2.0**0.5 - 2.0**-0.5


def n_heard_places(shift_octaves: float | np.ndarray) -> int | np.ndarray:
    """How many of the grid's frequencies are at most HIGHEST_HEARD_HZ after a transposition upwards."""
    return np.maximum(np.floor((_OCTAVES - shift_octaves) * GRID_STEPS_PER_OCTAVE + 1e-6) + 1, 0).astype(np.intp)


def octaves_of(frequency_hz: float) -> float:
    """Octaves from the grid's first frequency, LOWEST_HEARD_HZ, to a frequency."""
    return math.log2(frequency_hz / LOWEST_HEARD_HZ)


class GainCurves:
    """Computes gains on a grid of N_GRID frequencies.

    The grid begins at LOWEST_HEARD_HZ and has GRID_STEPS_PER_OCTAVE frequencies in each octave.
    Call `begin` first, then any of the methods `add_...`, then `gains`. Arrays have one row for each voice.

    max_rows: the most curves that one `begin` may start.
    """

    def __init__(self, max_rows: int):
        self._octaves = (np.arange(N_GRID) / GRID_STEPS_PER_OCTAVE).astype(np.float32)
        # np.full writes to the memory now. With np.empty, the first chord would wait for memory pages.
        self._gains, self._log_gains, self._x, self._y = np.full((4, max_rows, N_GRID), 0.0, np.float32)
        self._has_log_gains = False  # whether _log_gains hold natural logarithms of gains to multiply _gains by
        self._band_places = _band_places(self._octaves)
        self._n = 0

    def begin(self, n_rows: int) -> None:
        self._n, self._has_log_gains = n_rows, False
        self._gains[:n_rows] = 1.0

    def add_tilt(self, db_per_octave: np.ndarray, shift_octaves: np.ndarray) -> None:
        """Tilt the curves. What is at 1 kHz after the transposition keeps its gain.

        db_per_octave: float (n, 1).
        shift_octaves: how far the sound is transposed later, float (n, 1).
        """
        x = self._x[: self._n]
        np.subtract(self._octaves, (octaves_of(TILT_PIVOT_HZ) - shift_octaves).astype(np.float32), out=x)
        x *= (db_per_octave * _NEPER_PER_DB).astype(np.float32)
        self._add(x, slice(0, self._n))

    def add_filter(self, kind: str, slope: int, cutoff_octaves: np.ndarray, resonance_db: np.ndarray) -> None:
        """Add a filter's gain.

        A low pass is a Butterworth filter of order m = slope / 6: |H|^2 = 1 / (1 + (f / cutoff)^(2 m)).

        kind: low, high or band.
        slope: dB per octave.
        cutoff_octaves: the cutoff in octaves above LOWEST_HEARD_HZ, float (n, 1). A later transposition moves the
            cutoff, too. This is the cutoff before the transposition.
        resonance_db: float (n, 1).
        """
        x, y, gains = self._x[: self._n], self._y[: self._n], self._gains[: self._n]
        np.subtract(self._octaves, cutoff_octaves.astype(np.float32), out=x)
        order = slope / 6.0
        if kind == "band":
            np.multiply(x, np.float32(math.log(2.0)), out=y)
            np.sinh(y, out=y)
            np.abs(y, out=y)
            y *= np.float32(2.0 / _BAND_WIDTH)
            np.maximum(y, np.float32(1e-6), out=y)
            np.log(y, out=y)
            y *= np.float32(2.0 * order)
        else:
            sign = 1.0 if kind == "low" else -1.0
            np.multiply(x, np.float32(sign * 2.0 * order * math.log(2.0)), out=y)
        np.minimum(y, np.float32(_LARGEST_EXPONENT), out=y)
        np.exp(y, out=y)
        y += np.float32(1.0)
        np.sqrt(y, out=y)
        gains /= y
        if resonance_db.any():
            np.multiply(x, x, out=y)
            y *= np.float32(_BELL)
            y += np.float32(1.0)
            y *= y
            np.divide((resonance_db * _NEPER_PER_DB).astype(np.float32), y, out=y)
            self._add(y, slice(0, self._n))

    def add_bands(self, bands_db: np.ndarray, shift_octaves: np.ndarray) -> None:
        """Add the gains of mel bands. Between the centres of two bands, gains in dB are interpolated linearly over mel.

        Frequencies that the transposition moves above HIGHEST_HEARD_HZ are silenced: a colour has no gains for them.

        bands_db: the gains in dB, float32 (n, N_BANDS).
        shift_octaves: how far the sound is transposed later, float (n, 1).
        """
        if not shift_octaves.any():
            self._add_lines(bands_db, *self._band_places, slice(0, self._n))
            return
        for row in range(self._n):
            one = slice(row, row + 1)
            self._add_lines(bands_db[one], *_band_places(self._octaves + shift_octaves[row]), one)
            if shift_octaves[row] > 0.0:
                self._log_gains[one, n_heard_places(float(shift_octaves[row, 0])) :] = _SILENCE_NEPER

    def _add_lines(self, bands_db: np.ndarray, below: np.ndarray, shares: np.ndarray, rows: slice) -> None:
        x, y = self._x[rows], self._y[rows]
        np.take(bands_db, below, axis=1, out=x, mode="clip")
        np.take(bands_db, below + 1, axis=1, out=y, mode="clip")
        y -= x
        y *= shares
        x += y
        x *= np.float32(_NEPER_PER_DB)
        self._add(x, rows)

    def _add(self, log_gains: np.ndarray, rows: slice) -> None:
        if not self._has_log_gains:
            self._log_gains[: self._n] = 0.0
            self._has_log_gains = True
        self._log_gains[rows] += log_gains

    def gains(self) -> np.ndarray:
        """The gains, float32 (n, N_GRID), valid until the next `begin`."""
        gains = self._gains[: self._n]
        if self._has_log_gains:
            factors = self._log_gains[: self._n]
            np.exp(factors, out=factors)
            gains *= factors
        return np.maximum(gains, np.float32(_LEAST_GAIN), out=gains)


def _band_places(octaves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each frequency, the number of the band whose centre is next below it, and the weight of the band after that.

    The two bands' weights add up to 1. Returns intp and float32, each in the shape of `octaves`.
    """
    frequency_hz = LOWEST_HEARD_HZ * 2.0 ** octaves.astype(np.float64)
    places = np.interp(mel(frequency_hz), mel(band_centres_hz()), np.arange(N_BANDS))
    below = np.minimum(places.astype(np.intp), N_BANDS - 2)
    return below, (places - below).astype(np.float32)
