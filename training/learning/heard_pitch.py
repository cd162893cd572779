"""The pitch penalty: a cost for frames in which the pitch detector would not hear the frame's note clearly.

The detector (runtime/acoustics/heard_pitch.py) computes a difference function over all periods. It chooses the shortest
period whose dip is at most DIP_MARGIN above the deepest dip. A frame costs nothing if there is a dip close to the
note's period, and if the detector would choose this dip even if DIP_MARGIN were larger or smaller by ROOM.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from runtime.acoustics.heard_pitch import (
    DIP_MARGIN,
    HIGHEST_HZ,
    IN_TUNE_CENTS,
    LOWEST_HZ,
    RIPPLE_STEPS,
    STEP_CENTS,
    lags,
)
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.conditioning import Conditioning

# To find how far a frame is out of tune, only the dips within NEAR_STEPS of the detector's steps from the note's period
# are searched.
NEAR_STEPS = 8
# A frame that is MOST_OFF_CENTS or less out of tune costs nothing for that. Each further DETUNE_CENTS costs as much as
# a depth of 1.
MOST_OFF_CENTS, DETUNE_CENTS = 12.0, 100.0
# How much the penalty adds to DIP_MARGIN or subtracts from it, to be stricter than the detector. It is a depth; a depth
# of 1 is the mean difference.
ROOM = 0.05
IN_TUNE_STEPS = IN_TUNE_CENTS / STEP_CENTS
_FAR = 1e3  # larger than any depth or difference; added to the values that a minimum must not choose


class HeardPitch:
    """Computes the pitch penalty of frames, with operations that Keras can differentiate.

    conditioning: says which notes the frames may have.
    """

    def __init__(self, spec: StftSpec, conditioning: Conditioning):
        periods_s, self._cosines, gaps_s = lags(spec)
        self._periods_s, self._gaps_s = periods_s.astype(np.float32), gaps_s.astype(np.float32)
        notes_hz = np.array([float(note_to_hz(note)) for note in conditioning.notes])
        steps = np.log2(1.0 / notes_hz / periods_s[0]) * 1200.0 / STEP_CENTS
        self._places = steps.astype(np.float32)  # each note's period, as a fractional index in periods_s
        self._reached = ((notes_hz >= LOWEST_HZ) & (notes_hz <= HIGHEST_HZ)).astype(np.float32)
        self._audible = (periods_s >= 1.0 / HIGHEST_HZ).astype(np.float32)

    def penalty(self, magnitudes, notes):
        """The cost of each frame, (n_notes, n): 0 if the detector hears the frame's note clearly.

        Frames cost nothing at notes that are too low or too high for the detector.
        magnitudes: (n_notes, n, n_bins).
        notes: indices in `conditioning.notes`, int (n_notes,).
        """
        difference, depths = self._difference_and_depths(ops.square(magnitudes))
        places = ops.take(self._places, notes)[:, None, None]
        # How many steps each period lies above the note's period.
        above = np.arange(len(self._periods_s), dtype=np.float32) - places
        dips = depths + _FAR * (1.0 - _are_dips(depths) * self._audible)
        own = _lowest(depths, ops.abs(above) <= IN_TUNE_STEPS)
        shorter = _lowest(dips, above < -IN_TUNE_STEPS)
        deepest = ops.minimum(own, _lowest(dips, above > IN_TUNE_STEPS))
        not_deep = ops.relu(own - deepest - DIP_MARGIN + ROOM)
        too_short = ops.relu(deepest + DIP_MARGIN + ROOM - shorter)
        heard = _lowest_near(difference, _near_dip(dips, ops.abs(above) <= NEAR_STEPS))
        off_cents = STEP_CENTS * ops.abs(heard - places[..., 0])
        costs = not_deep + too_short + ops.relu(off_cents - MOST_OFF_CENTS) / DETUNE_CENTS
        return costs * ops.take(self._reached, notes)[:, None]

    def _difference_and_depths(self, power):
        """The difference function and the depth at each of the detector's periods: both (…, n_periods).

        The depth at a period is the difference there, divided by the mean of the differences up to this period.
        power: squared magnitudes, (…, n_bins).
        """
        total = ops.sum(power, axis=-1, keepdims=True) + 1e-9
        difference = 1.0 - ops.matmul(power, self._cosines) / total
        summed = ops.cumsum(difference * self._gaps_s, axis=-1)
        return difference, difference * self._periods_s / ops.maximum(summed, 1e-9)


def _are_dips(depths):
    before = ops.concatenate([depths[..., :1] - 1.0, depths[..., :-1]], axis=-1)
    after = ops.concatenate([depths[..., 1:], depths[..., -1:] - 1.0], axis=-1)
    return ops.cast(ops.logical_and(depths <= before, depths < after), "float32")


def _lowest(depths, are_asked):
    """The lowest depth, (…,), of the periods for which `are_asked` is true. depths: (…, n_periods)."""
    return ops.min(depths + _FAR * (1.0 - ops.cast(are_asked, "float32")), axis=-1)


def _near_dip(dips, are_near):
    """The index of the dip that the detector would choose near the note: int (…, 1)."""
    near = dips + _FAR * (1.0 - ops.cast(are_near, "float32"))
    return ops.argmax(near <= ops.min(near, axis=-1, keepdims=True) + DIP_MARGIN, axis=-1)[..., None]


def _lowest_near(difference, dips):
    """The period near a dip at which the difference is lowest, as a fractional index (…,).

    As in the detector, this period is at most RIPPLE_STEPS from the dip, and a parabola refines it.
    difference: (…, n_periods).
    dips: the dips' indices, (…, 1).
    """
    n_periods = difference.shape[-1]
    far = ops.cast(ops.abs(np.arange(n_periods) - dips) > RIPPLE_STEPS, "float32")
    lowest = ops.clip(ops.argmin(difference + _FAR * far, axis=-1), 1, n_periods - 2)[..., None]
    before, there, after = (ops.take_along_axis(difference, lowest + k, axis=-1)[..., 0] for k in (-1, 0, 1))
    curve = ops.maximum(before - 2.0 * there + after, 1e-4)
    return ops.cast(lowest[..., 0], "float32") + ops.clip(0.5 * (before - after) / curve, -0.5, 0.5)
