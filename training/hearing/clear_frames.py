"""Finds clear frames: those in which the pitch detector hears the frame's note with some margin."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.heard_pitch import in_tune
from runtime.acoustics.spectrum import StftSpec
from training.hearing.harmonics import energy_shares

# A clear frame has at least these shares of its energy on its note's harmonics: on all, on the odd ones, and on those
# whose number is not a multiple of three. With smaller shares, the detector may hear another note in a mixture of two
# such frames.
CLEAR_SHARES = (0.93, 0.10, 0.10)


def are_clear(magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Whether each frame is clear: bool (n,).

    magnitudes: the frames, (n, n_bins).
    notes: the frames' MIDI notes, int (n,).
    """
    shares = energy_shares(magnitudes, notes, spec)
    return in_tune(magnitudes, notes, spec) & (shares >= CLEAR_SHARES).all(axis=1)
