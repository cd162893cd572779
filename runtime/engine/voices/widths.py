"""The stereo width of each lane: the gains of the lane's sound and of its side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from runtime.engine.voices.bank import Voice
from runtime.engine.voices.envelope import Ramps

_LINE = (1.0, 0.0, 0.0)
_LARGEST_LOSS_DB = 2.99  # how much softer the widest lane is in a mono sum
# The angle of the greatest width, in radians, a little less than 45 degrees.
_GREATEST_ANGLE = math.acos(10.0 ** (-_LARGEST_LOSS_DB / 20.0))


class SideSounds(Protocol):
    """The methods of the synthesis that `Widths` needs."""

    def want_side(self, lane: int, is_wanted: bool) -> None:
        """Set whether a lane has a side. It takes effect at the lane's next hop or new note, whichever is first."""

    def has_side(self, lane: int) -> bool:
        """Whether a lane has a side now."""


class Widths:
    """Makes lanes wide: the left channel is a lane's sound plus its side, the right channel the sound minus the side.

    A side is a second lane with other phases; it lasts until the note ends. A width of 0 to 1 stands for an angle of 0
    to 44.9 degrees. The angle's cosine is the gain of the sound, and its sine is the gain of the side. So the power of
    both channels together stays the same, and a mono sum loses less than 3 dB.

    middle, side: the gains of the sounds and of the sides, as ramps; one row for each lane.
    n_wide: number of lanes that have a side, or get one at their next hop.
    """

    def __init__(self, n_lanes: int, max_frames: int, sides: SideSounds):
        self.n_wide = 0
        self.middle, self.side = Ramps(n_lanes, max_frames), Ramps(n_lanes, max_frames)
        self._sides, self._widths, self._is_wide = sides, [0.0] * n_lanes, [False] * n_lanes
        for lane in range(n_lanes):
            self.middle.jump(lane, 1.0)

    def start(self, lane: int, width: float) -> None:
        """Set the width of a lane's next note; call this before the lane's sound begins."""
        if width or self._is_wide[lane]:
            self._mark(lane, width > 0.0)
            self._widths[lane] = width
            for ramps, gain in zip((self.middle, self.side), _gains(width), strict=True):
                ramps.jump(lane, gain)

    def move(self, lane: int, frame: int, width: float, n_frames: int) -> bool:
        """Move a lane's gains linearly to those of `width`, in n_frames from `frame` on; return False if this fails.

        It fails if the lane has no side yet. The lane gets one at its next hop, where `move` must be called again.
        """
        if width == self._widths[lane]:
            return True
        if not self._sides.has_side(lane):
            self._mark(lane, True)
            return False
        self._widths[lane] = width
        for ramps, gain in zip((self.middle, self.side), _gains(width), strict=True):
            ramps.move(lane, frame, gain, n_frames, _LINE)
        return True

    def arrive(self, frame: int) -> None:
        if self.side.n_moving:
            for lane in np.flatnonzero(self.side.end <= frame):
                self.middle.settle(lane)
                self.side.settle(lane)

    def forget_silent(self, voices: Sequence[Voice]) -> None:
        """Set the width of each lane whose voice has ended to 0. voices: one for each lane."""
        for lane in [lane for lane, is_wide in enumerate(self._is_wide) if is_wide]:
            if not voices[lane].active:
                self.start(lane, 0.0)

    def is_wide(self, lane: int) -> bool:
        """Whether a lane has a side, or gets one at its next hop."""
        return self._is_wide[lane]

    def gains(self, lane: int, frame: int) -> tuple[float, float]:
        return self.middle.value(lane, frame), self.side.value(lane, frame)

    def _mark(self, lane: int, is_wide: bool) -> None:
        self.n_wide += is_wide - self._is_wide[lane]
        self._is_wide[lane] = is_wide
        self._sides.want_side(lane, is_wide)


def _gains(width: float) -> tuple[float, float]:
    angle = _GREATEST_ANGLE * width
    return math.cos(angle), math.sin(angle)
