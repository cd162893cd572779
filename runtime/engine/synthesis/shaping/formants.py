"""Moves the shape of a harmonic spectrum up or down while its harmonics stay."""

from __future__ import annotations

import numpy as np

# Two limits, so that no gain becomes huge. If a harmonic's level, relative to the loudest harmonic, is below _FLOOR_DB,
# the gains are computed as if the level were _FLOOR_DB. And every gain is between -_LARGEST_GAIN_DB and
# _LARGEST_GAIN_DB.
_FLOOR_DB = -60.0
_LARGEST_GAIN_DB = 36.0


def formant_gains(magnitudes: np.ndarray, numbers: np.ndarray, semitones: float, out: np.ndarray) -> None:
    """Find the gains that move the shape of a spectrum up or down.

    magnitudes: the spectrum, float32 (n_bins,).
    numbers: the number of each bin's harmonic, 0 for none; int16 (n_bins,).
    semitones: how far the shape moves up.
    out: receives the gains, float32 (n_bins,).

    The shape is the linear interpolation of the harmonics' levels in dB. Harmonic h gets the shape's level at harmonic
    h / 2 ** (semitones / 12).
    """
    firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
    # The power of all bins of a harmonic is added up. The loudest bin alone would not do: its power depends on where in
    # the bin the harmonic lies.
    power = np.add.reduceat(np.square(magnitudes), firsts)
    floor = max(float(power.max()) * 10.0 ** (_FLOOR_DB / 10.0), 1e-24)
    shape = 0.5 * np.log(np.maximum(power, floor))
    number = numbers[firsts].astype(np.float64)
    wanted = np.interp(number / 2.0 ** (semitones / 12.0), number[1:], shape[1:]) if len(number) > 1 else shape
    limit = _LARGEST_GAIN_DB * np.log(10.0) / 20.0
    gains = np.exp(np.clip(wanted - shape, -limit, limit)).astype(np.float32)
    gains[0] = gains[1] if len(gains) > 1 else 1.0  # bins below the fundamental get the fundamental's gain
    np.take(gains, np.searchsorted(number, numbers), out=out, mode="clip")
