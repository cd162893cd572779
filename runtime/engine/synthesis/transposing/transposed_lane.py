"""The state of a transposed lane."""

from __future__ import annotations

import math
from typing import Any

from runtime.engine.synthesis.transposing.head import Head
from runtime.engine.synthesis.transposing.resampling import N_AFTER, N_BEFORE

# Lanes that hop together would all need their next dense hop in the same block. So they work in shifts: each shift
# makes its dense hops a quarter of a hop earlier than the previous one.
N_SHIFTS = 4
_BAND_STEP_OCTAVES = 3.0 / 12.0
# `sounding_bins` rounds a ratio to the middle of a band. The ratio itself may be up to half a band higher.
_HALF_BAND = 2.0 ** (_BAND_STEP_OCTAVES / 2.0)
# A crossfade that would reach into the next dense hop is shortened to end where that hop begins. This saves a dense hop
# of the old sound. If the crossfade would become shorter than its full length / _SHORTEST_FADE_PART, it keeps its full
# length, and begins where the next dense hop begins. This saves a dense hop of the new sound.
_SHORTEST_FADE_PART = 4


class TransposedLane:
    """The state of a lane's ring of dense samples; a carrier's ring holds the sum of its bus.

    All places and lengths are in ring samples. At ratio 1, there are OVERSAMPLING ring samples for each frame. A lane
    that begins at a ratio of 2 or more has a lower sample rate, halved `octave` times (see `Head`). This loses only
    frequencies that the ratio would move above half the engine's sample rate.

    n_heard: number of bins up to HIGHEST_HEARD_HZ; bins above these never sound.
    n_below_half: number of bins from 0 Hz to half the engine's sample rate.
    shift: one of the N_SHIFTS shifts.

    Attributes:
    head: where the lane is read, or None.
    bus: the `Submix` of which the lane is a member, or None.
    written_to: end of the written part of the ring.
    fade_from, n_fade: where the crossfade to the present sound begins, and its length.
    is_ramp: whether this crossfade is linear.
    n_bins: number of bins that sound at the present ratio.
    """

    __slots__ = ("_n_below_half", "_n_heard", "_shift", "bus", "fade_from", "head", "is_ramp", "n_bins", "n_fade",
                 "written_to")  # fmt: skip

    def __init__(self, n_heard: int, n_below_half: int, shift: int):
        self._n_heard, self._n_below_half, self._shift = n_heard, n_below_half, shift
        self.head: Head | None = None
        self.bus: Any = None
        self.written_to = self.fade_from = self.n_fade = 0
        self.is_ramp = False
        self.n_bins = n_heard

    def begin(self, head: Head, frame: int, n_fade: int) -> None:
        """Begin to read the lane at a head at `frame`, without a crossfade.

        `fade_from` and `n_fade` are set as if a crossfade of n_fade ring samples had just ended.
        """
        self.head, self.bus, self.n_fade, self.is_ramp = head, None, n_fade, False
        head.n_lanes += 1
        self.n_bins = self.wanted_bins(frame)
        # The interpolation also reads the sample before the position. That sample must be written as well.
        self.written_to = (head.place(frame) - N_BEFORE) // head.n_hop * head.n_hop
        self.fade_from = self.written_to - n_fade - 1

    def begin_fade(self, frame: int, n_fade: int) -> None:
        """Begin a crossfade to a new sound of the lane, where and as long as `fade_at` says.

        The ring counts as unwritten from the dense hop that contains the crossfade's beginning.
        """
        place, length = self.fade_at(frame, n_fade)
        self._begin(frame, place, length, length < n_fade)

    def begin_ramp(self, frame: int, n_frames: int) -> None:
        """Begin a linear crossfade to a new sound of the lane, from `frame` on for n_frames.

        The ring counts as unwritten from the dense hop that contains `frame`.
        """
        place = self.head.place(frame)
        self._begin(frame, place, max(1, self.head.place(frame + n_frames) - place), True)

    def _begin(self, frame: int, place: int, n_fade: int, is_ramp: bool) -> None:
        self.fade_from, self.n_fade, self.is_ramp = place, n_fade, is_ramp
        self.n_bins = self.wanted_bins(frame)
        self.written_to = place // self.head.n_hop * self.head.n_hop

    def fade_at(self, frame: int, n_fade: int) -> tuple[int, int]:
        """Where a crossfade that is due at `frame` begins, and how long it is (at most n_fade)."""
        place, n_hop = self.head.place(frame), self.head.n_hop
        left = n_hop - place % n_hop
        if left * _SHORTEST_FADE_PART < n_fade:
            return place + left, n_fade
        return place, min(n_fade, left)

    def wanted_to(self, begin: int, end: int) -> int:
        """How far to write the ring before it is read from place `begin` to `end`.

        A lane that is in no bus stays ahead of the read by its shift (see N_SHIFTS), if it is that far ahead already.
        """
        end += N_AFTER
        if self.bus is not None:
            return end
        ahead = self._shift * self.head.n_hop // N_SHIFTS
        return end + ahead if begin + N_AFTER + ahead <= self.written_to else end

    def wanted_bins(self, frame: int) -> int:
        """How many bins sound at the ratio that the head has at `frame`."""
        ratio = max(self.head.ratio_at(frame), 2.0**self.head.octave)
        return sounding_bins(ratio, self.head.first_ratio, self._n_heard, self._n_below_half)


def sounding_bins(ratio: float, first_ratio: float, n_heard: int, n_below_half: int) -> int:
    """How many bins sound when they are transposed by `ratio`.

    The ratio is rounded to the middle of a band, so that vibrato seldom changes the number of bins. Each band is 3
    semitones wide; first_ratio is the middle of one. No bin sounds that this middle moves above HIGHEST_HEARD_HZ, or
    that any ratio in the band moves above half the sample rate.

    first_ratio: the ratio with which the lanes began.
    n_heard, n_below_half: as in TransposedLane.
    """
    n_bands = round(math.log2(ratio / first_ratio) / _BAND_STEP_OCTAVES)
    highest = min(n_heard, n_below_half / _HALF_BAND) / (first_ratio * 2.0 ** (n_bands * _BAND_STEP_OCTAVES))
    # 1e-3 of a bin makes up for the rounding of heads' ratios.
    return min(n_heard, max(2, int(highest + 1e-3)))
