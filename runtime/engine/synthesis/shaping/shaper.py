"""Computes one gain for each bin of each voice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from runtime.engine.synthesis.shaping.curves import N_GRID, GainCurves
from runtime.engine.synthesis.shaping.formants import formant_gains
from runtime.engine.synthesis.shaping.harmonics import Harmonics


class Shape(NamedTuple):
    """How some spectra are shaped; arrays are float (n, 1), or (1, 1) if all are shaped alike.

    shift_octaves: the sounds' transposition after shaping. The other fields are about the frequencies that are heard
        after this transposition.
    filter_kind: off, low, high or band.
    slope: steepness of the filter, in dB per octave.
    cutoff_octaves: the filter's cutoff, in octaves above 20 Hz.
    resonance_db: gain added at the cutoff.
    tilt_db_per_octave, odd_even_db, formant_semitones: as in `Sound`.
    bands_db: float (n, N_BANDS), gains of the bands of acoustics/mel_bands.py, or None.
    """

    filter_kind: str
    slope: int
    cutoff_octaves: np.ndarray
    resonance_db: np.ndarray
    tilt_db_per_octave: np.ndarray
    odd_even_db: float
    formant_semitones: float
    shift_octaves: np.ndarray
    bands_db: np.ndarray | None = None


class Shaper:
    """Computes a gain for each bin of each spectrum.

    fundamentals_hz: the fundamentals that the spectra can have.
    n_bins: how many bins of a spectrum are shaped, from 0 Hz up.
    bin_hz: distance from one bin to the next.
    max_rows: the most spectra in one call.
    """

    def __init__(self, fundamentals_hz: Sequence[float], n_bins: int, bin_hz: float, max_rows: int):
        self.harmonics = _harmonics(tuple(fundamentals_hz), n_bins, bin_hz)
        self._curves = GainCurves(max_rows)
        # np.full writes to the memory now. With np.empty, the first chord would wait for memory pages.
        self._places = np.full((max_rows, n_bins), 0, np.intp)
        self._in_curve = np.full((max_rows, n_bins), 0, self.harmonics.places.dtype)
        self._first_places = np.arange(max_rows)[:, None] * N_GRID
        self._fundamentals: list[int] = []
        self._gains = np.full((max_rows, n_bins), 0.0, np.float32)
        self._more = np.empty(n_bins, np.float32)
        self._weakened = np.empty(n_bins, bool)

    def gains(self, shape: Shape, fundamentals: list[int]) -> np.ndarray:
        """Gains for spectra, float32 (n, n_bins), valid until the next call; pass them to `move_formants` before use.

        fundamentals: for each spectrum, the index of its fundamental in `fundamentals_hz`.
        """
        n, curves = len(fundamentals), self._curves
        curves.begin(n)
        if shape.filter_kind != "off":
            cutoff = shape.cutoff_octaves - shape.shift_octaves
            curves.add_filter(shape.filter_kind, shape.slope, cutoff, shape.resonance_db)
        if shape.tilt_db_per_octave.any():
            curves.add_tilt(shape.tilt_db_per_octave, shape.shift_octaves)
        if shape.bands_db is not None:
            curves.add_bands(shape.bands_db, shape.shift_octaves)
        places, gains = self._places[:n], self._gains[:n]
        if self._fundamentals != fundamentals:
            # With mode="clip", `take` writes straight into `out`; with mode="raise" it would write into a copy first.
            in_curve = self.harmonics.places.take(fundamentals, axis=0, out=self._in_curve[:n], mode="clip")
            np.add(in_curve, self._first_places[:n], out=places)
            self._fundamentals = list(fundamentals)
        # All places lie in the curves. With mode="wrap", `take` is a third faster than with mode="clip".
        np.take(curves.gains().reshape(-1), places, out=gains, mode="wrap")
        if shape.odd_even_db:
            self._weaken(gains, fundamentals, shape.odd_even_db)
        return gains

    def move_formants(
        self, gains: np.ndarray, shape: Shape, fundamentals: Sequence[int], magnitudes: np.ndarray
    ) -> None:
        """Multiply `gains` by the factors that move the formants of spectra.

        gains: what the method `gains` returned for the same shape and fundamentals.
        magnitudes: the spectra, (n, at least n_bins).
        """
        if shape.formant_semitones:
            self._move_formants(gains, fundamentals, magnitudes, shape.formant_semitones)

    def _weaken(self, gains: np.ndarray, fundamentals: Sequence[int], odd_even_db: float) -> None:
        factor = np.float32(10.0 ** (-abs(odd_even_db) / 20.0))
        for row, fundamental in zip(gains, fundamentals, strict=True):
            weakened = self.harmonics.are_even[fundamental]
            if odd_even_db <= 0.0:
                weakened = np.logical_not(weakened, out=self._weakened)
            np.multiply(row, factor, out=row, where=weakened)

    def _move_formants(
        self, gains: np.ndarray, fundamentals: list[int], magnitudes: np.ndarray, semitones: float
    ) -> None:
        more, n_bins = self._more, gains.shape[1]
        for row, fundamental, spectrum in zip(gains, fundamentals, magnitudes, strict=True):
            formant_gains(spectrum[:n_bins], self.harmonics.numbers[fundamental], semitones, more)
            row *= more


@lru_cache(maxsize=2)  # engines of one instrument share their Harmonics
def _harmonics(fundamentals_hz: tuple[float, ...], n_bins: int, bin_hz: float) -> Harmonics:
    return Harmonics(fundamentals_hz, n_bins, bin_hz)
