"""Which frames of a corpus are clear: heard at their own note, by the same ear that judges the models."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from training.hearing.harmonics import energy_shares
from training.hearing.heard_pitch import in_tune

# At least so much of a frame's energy lies on the note's harmonics, on odd ones, and on those that three does not
# divide. Below, the ear is near to hearing another note, and a mixture of two such frames may be one.
CLEAR_SHARES = (0.93, 0.10, 0.10)


def are_clear(magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Whether each frame (n, n_bins) is heard within 20 cents of its MIDI note (n,), with some margin: bool (n,)."""
    shares = energy_shares(magnitudes, notes, spec)
    return in_tune(magnitudes, notes, spec) & (shares >= CLEAR_SHARES).all(axis=1)
