"""Which pitch an ear hears in a magnitude frame: the project's pitch detector, for corpora and models alike."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from runtime.acoustics.pitch import hz_to_note
from runtime.acoustics.spectrum import StftSpec

LOWEST_HZ, HIGHEST_HZ = 25.0, 5000.0
IN_TUNE_CENTS = 20.0
_STEP_CENTS = 10.0
# Of the dips that come this near the deepest one, the shortest period is heard.
_DIP_MARGIN = 0.1
_ROWS_AT_ONCE = 2048


def heard_notes(magnitudes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Fractional MIDI note heard in each frame (n, n_bins): float (n,); NaN for a silent frame.

    The steady sound of a spectrum has the autocorrelation r(t) = sum M^2 cos(2 pi f t), less the spread of the
    analysis window. Source of the rest: de Cheveigne and Kawahara, YIN, 2002: the cumulative mean normalised
    difference, its first deep dip, refined by a parabola.
    """
    notes = np.full(len(magnitudes), np.nan)
    for first in range(0, len(magnitudes), _ROWS_AT_ONCE):
        rows = np.asarray(magnitudes[first : first + _ROWS_AT_ONCE], np.float32)
        notes[first : first + len(rows)] = _heard(rows, spec)
    return notes


def in_tune(magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Whether each frame (n, n_bins) is heard within 20 cents of its MIDI note (n,): bool (n,)."""
    return np.abs(heard_notes(magnitudes, spec) - notes) <= IN_TUNE_CENTS / 100.0


def _heard(magnitudes: np.ndarray, spec: StftSpec) -> np.ndarray:
    periods_s, cosines, widths = _lags(spec)
    power = np.square(magnitudes)
    total = power.sum(axis=1)
    correlation = power @ cosines / np.maximum(total, 1e-20)[:, None]
    difference = 1.0 - correlation
    normalised = difference * periods_s / np.maximum(np.cumsum(difference * widths, axis=1), 1e-20)
    audible = np.flatnonzero((periods_s[:-1] >= 1.0 / HIGHEST_HZ) & (np.arange(len(periods_s) - 1) > 0))
    at = normalised[:, audible]
    dip = (at <= normalised[:, audible - 1]) & (at < normalised[:, audible + 1])
    depth = np.where(dip, at, np.inf)
    deep = depth <= depth.min(axis=1, keepdims=True) + _DIP_MARGIN
    index = audible[np.argmax(deep & dip, axis=1)]
    rows = np.arange(len(magnitudes))
    before, there, after = (normalised[rows, index + k] for k in (-1, 0, 1))
    curve = before - 2.0 * there + after
    shift = np.where(curve > 0.0, 0.5 * (before - after) / np.maximum(curve, 1e-20), 0.0).clip(-0.5, 0.5)
    heard_hz = 1.0 / (periods_s[index] * 2.0 ** (shift * _STEP_CENTS / 1200.0))
    return np.where((total > 0.0) & dip.any(axis=1), hz_to_note(heard_hz), np.nan)


@lru_cache(maxsize=4)
def _lags(spec: StftSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Periods in s, evenly spaced in pitch, the cosines (n_bins, n_periods), and each period's share of time in s."""
    n = int(1200.0 * np.log2(4.0 * HIGHEST_HZ / LOWEST_HZ) / _STEP_CENTS) + 2
    periods_s = 2.0 ** (np.arange(n) * _STEP_CENTS / 1200.0) / (4.0 * HIGHEST_HZ)
    frequency_hz = np.arange(spec.n_bins) * spec.bin_hz
    cosines = np.cos(2.0 * np.pi * frequency_hz[:, None] * periods_s).astype(np.float32)
    widths = np.diff(periods_s, prepend=0.0)
    return periods_s, cosines, widths
