"""The pitch detector: estimates the pitch that a listener hears in a spectrum of magnitudes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from runtime.acoustics.pitch import N_CHROMA, hz_to_note
from runtime.acoustics.spectrum import StftSpec

LOWEST_HZ, HIGHEST_HZ = 25.0, 5000.0
IN_TUNE_CENTS = 20.0
CENTS_PER_OCTAVE = 100.0 * N_CHROMA
STEP_CENTS = 10.0
# The normalised difference, explained in `heard_notes`, has a dip at the true period, and about equally deep dips at
# its multiples. So the detector chooses the shortest period whose dip is at most this much above the deepest dip.
DIP_MARGIN = 0.1
# A loud high harmonic splits a dip into several low points. So, within this many steps of the chosen dip, the detector
# looks for the lowest point of the difference before normalisation.
RIPPLE_STEPS = 8
_ROWS_AT_ONCE = 2048


def heard_notes(magnitudes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The fractional MIDI note heard in each frame, float (n,); NaN where there is no pitch.

    The autocorrelation r of a steady sound at lag t follows from the magnitude M and the frequency f of each bin:

        r(t) = sum M^2 cos(2 pi f t)

    This formula leaves out the damping by the analysis window.
    The difference at lag t is d(t) = 1 - r(t) / r(0). The (cumulative mean) normalised difference is d(t) divided by
    the mean of d from 0 to t.
    The period is near the shortest lag at which the normalised difference has a deep dip. The detector looks near this
    lag for the lowest value of d. It draws a parabola through this value and the values of d on both sides. The period
    is the lag of the parabola's lowest point. The parabola uses d, because the normalisation favours short lags.

    magnitudes: the frames, (n, n_bins).
    Source: de Cheveigne and Kawahara, YIN, a Fundamental Frequency Estimator for Speech and Music, 2002.
    """
    notes = np.full(len(magnitudes), np.nan)
    detector = PitchDetector(spec, min(len(magnitudes), _ROWS_AT_ONCE)) if len(magnitudes) else None
    for first in range(0, len(magnitudes), _ROWS_AT_ONCE):
        rows = np.asarray(magnitudes[first : first + _ROWS_AT_ONCE], np.float32)
        notes[first : first + len(rows)] = detector.notes(rows)
    return notes


def cents_off(magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """How far each frame's heard pitch lies above its MIDI note, in cents: float (n,); NaN where there is no pitch.

    magnitudes: the frames, (n, n_bins).
    notes: the MIDI note of each frame, (n,).
    """
    return 100.0 * (heard_notes(magnitudes, spec) - notes)


def split_octaves(cents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split cents into whole octaves and remaining cents. Both are floats; the remaining cents are -600 to 600."""
    octaves = np.round(cents / CENTS_PER_OCTAVE)
    return octaves, cents - CENTS_PER_OCTAVE * octaves


def in_tune(magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Whether each frame is heard within IN_TUNE_CENTS of its MIDI note: bool (n,).

    magnitudes: the frames, (n, n_bins).
    notes: the MIDI note of each frame, (n,).
    """
    return np.abs(cents_off(magnitudes, notes, spec)) <= IN_TUNE_CENTS


class PitchDetector:
    """Detects pitches as `heard_notes` does, in at most n_rows frames per call, without allocating large arrays."""

    def __init__(self, spec: StftSpec, n_rows: int):
        self._periods_s, self._cosines, self._gaps_s = lags(spec)
        n_periods = len(self._periods_s)
        audible = (self._periods_s[:-1] >= 1.0 / HIGHEST_HZ) & (np.arange(n_periods - 1) > 0)
        # The periods ascend, so all that follow the first audible one are audible, too.
        self._first, self._stop = int(np.argmax(audible)), n_periods - 1
        self._power = np.zeros((n_rows, spec.n_bins), np.float32)
        self._total = np.zeros((n_rows, 1), np.float32)
        self._difference = np.zeros((n_rows, n_periods), np.float32)
        self._normalised, self._summed = np.zeros((2, n_rows, n_periods))
        self._depth = np.zeros((n_rows, self._stop - self._first))
        self._nearby = np.arange(-RIPPLE_STEPS, RIPPLE_STEPS + 1)
        self._dip, self._other = np.zeros((2, n_rows, self._stop - self._first), bool)

    def notes(self, magnitudes: np.ndarray) -> np.ndarray:
        """The fractional MIDI note heard in each frame, float (n,); NaN where there is no pitch.

        magnitudes: the frames, float32 (n, n_bins).
        """
        n = len(magnitudes)
        normalised, depth, dip, other = self._normalised[:n], self._depth[:n], self._dip[:n], self._other[:n]
        total = self._normalise(magnitudes)
        at = normalised[:, self._first : self._stop]
        np.less_equal(at, normalised[:, self._first - 1 : self._stop - 1], out=dip)
        np.less(at, normalised[:, self._first + 1 : self._stop + 1], out=other)
        dip &= other
        depth[:] = np.inf
        np.copyto(depth, at, where=dip)
        np.less_equal(depth, np.minimum.reduce(depth, axis=1, keepdims=True) + DIP_MARGIN, out=other)
        other &= dip
        index = self._first + np.argmax(other, axis=1)
        rows, difference = np.arange(n), self._difference[:n]
        near = np.clip(index[:, None] + self._nearby, 1, self._stop - 1)
        index = near[rows, np.argmin(difference[rows[:, None], near], axis=1)]
        before, there, after = (difference[rows, index + k] for k in (-1, 0, 1))
        curve = before - 2.0 * there + after
        shift = np.where(curve > 0.0, 0.5 * (before - after) / np.maximum(curve, 1e-20), 0.0).clip(-0.5, 0.5)
        heard_hz = 1.0 / (self._periods_s[index] * 2.0 ** (shift * STEP_CENTS / CENTS_PER_OCTAVE))
        return np.where((total[:, 0] > 0.0) & dip.any(axis=1), hz_to_note(heard_hz), np.nan)

    def _normalise(self, magnitudes: np.ndarray) -> np.ndarray:
        """Fill `_difference` and `_normalised`; returns each frame's power, (n, 1)."""
        n = len(magnitudes)
        power, total, difference = self._power[:n], self._total[:n], self._difference[:n]
        normalised, summed = self._normalised[:n], self._summed[:n]
        np.square(magnitudes, out=power)
        np.add.reduce(power, axis=1, keepdims=True, out=total)
        np.matmul(power, self._cosines, out=difference)
        difference /= np.maximum(total, 1e-20)
        np.subtract(1.0, difference, out=difference)
        np.multiply(difference, self._gaps_s, out=normalised)
        np.cumsum(normalised, axis=1, out=summed)
        np.maximum(summed, 1e-20, out=summed)
        np.multiply(difference, self._periods_s, out=normalised)
        normalised /= summed
        return total


@lru_cache(maxsize=4)
def lags(spec: StftSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The periods to try, evenly spaced in pitch, and two arrays for computing the normalised difference at each.

    Returns:
    the periods in s, ascending, (n_periods,);
    cos(2 pi f t) for each bin's frequency f and each period t, (n_bins, n_periods);
    each period minus the previous period, in s, (n_periods,). For the first period, this is the period itself.
    """
    n = int(CENTS_PER_OCTAVE * np.log2(4.0 * HIGHEST_HZ / LOWEST_HZ) / STEP_CENTS) + 2
    periods_s = 2.0 ** (np.arange(n) * STEP_CENTS / CENTS_PER_OCTAVE) / (4.0 * HIGHEST_HZ)
    frequency_hz = np.arange(spec.n_bins) * spec.bin_hz
    cosines = np.cos(2.0 * np.pi * frequency_hz[:, None] * periods_s).astype(np.float32)
    gaps_s = np.diff(periods_s, prepend=0.0)
    return periods_s, cosines, gaps_s
