"""Heads: the positions at which transposed lanes are read in their rings."""

from __future__ import annotations

from typing import Protocol

# Positions in a ring are fixed-point numbers; one sample is ONE.
FRACTION_BITS = 24
ONE = 1 << FRACTION_BITS
# A pitch that moves has a constant ratio within each interval of this many frames. Interval 0 begins at frame 0.
INTERVAL_FRAMES = 64
# At least this many intervals are computed at once: more than a block of 256 frames touches.
_LEAST_AT_ONCE = 5
# `go_to` forgets the intervals before its frame if there are more than this many.
_MOST_PASSED = 256


class Ratio(Protocol):
    """A ratio of frequencies as a function of the frame; equal objects give equal ratios at every frame.

    fixed: the ratio if it never changes, else None.
    highest: the upper limit of the ratio.
    """

    fixed: float | None
    highest: float

    def at(self, frame: int) -> float:
        """The ratio at a frame."""

    def at_each(self, frames: range) -> list[float]:
        """The ratio at each of several frames."""


class Head:
    """The position at which lanes are read; lanes with one head are read at one place, at one speed.

    While the ratio moves, each interval of INTERVAL_FRAMES is read at the ratio that holds at the interval's middle.
    Within an interval, the position moves by the same whole number in each frame. So a position never jumps, and does
    not depend on the blocks in which the frames are rendered.

    density: the position's step per frame at ratio 1.
    n_hop: length of a dense hop in ring samples.
    octave: how many times the dense hops' sample rate is halved.
    first_ratio: the ratio at which the head began.
    n_lanes: number of lanes that use the head.
    first_hop: number of the plain hop that became dense hop 0.
    """

    __slots__ = ("_begins", "_first", "_origin", "_since", "_step", "_steps", "density", "first_hop", "first_ratio",
                 "n_hop", "n_lanes", "octave", "ratio")  # fmt: skip

    def __init__(self, frame: int, elapsed: int, ratio: Ratio, full_density: int, n_samples: int, octave: int):
        """Begin at `frame`.

        elapsed: frames since dense hop 0 began.
        full_density: `density` at octave 0.
        n_samples: `n_hop` at octave 0.
        """
        self.octave, self.density, self.n_hop = octave, full_density >> octave, n_samples >> octave
        self.n_lanes = self.first_hop = self._first = 0
        self._begins, self._steps = list[int](), list[int]()
        # The position is _origin at frame _since.
        self._origin, self._since = elapsed * self.density, frame
        self._use(ratio)
        self.first_ratio = self.ratio_at(frame)

    def copy(self) -> Head:
        """Another head at the same place, which no lane uses yet."""
        copied = Head.__new__(Head)
        for name in Head.__slots__:
            setattr(copied, name, getattr(self, name))
        copied.n_lanes, copied._begins, copied._steps = 0, list(self._begins), list(self._steps)
        return copied

    def set_ratio(self, frame: int, ratio: Ratio) -> None:
        """Read at this ratio from `frame` on, without a jump."""
        if ratio != self.ratio:
            self.go_to(frame)
            self._use(ratio)

    def go_to(self, frame: int) -> None:
        """Forget positions before `frame`, to save memory."""
        self._origin, self._since = self.position(frame), frame
        if self._step is None:
            passed = frame // INTERVAL_FRAMES - self._first
            if passed > _MOST_PASSED:
                self._first += passed
                del self._begins[:passed], self._steps[:passed]

    def position(self, frame: int) -> int:
        """Where in the ring the lanes are read at `frame`, which must not be before the frame of the latest `go_to`."""
        if self._step is not None:
            return self._origin + self._step * (frame - self._since)
        number = frame // INTERVAL_FRAMES - self._first
        if number >= len(self._steps):
            self._extend(number)
        return self._begins[number] + self._steps[number] * (frame % INTERVAL_FRAMES)

    def _extend(self, number: int) -> None:
        begins, steps, density = self._begins, self._steps, self.density
        first_middle = (self._first + len(steps)) * INTERVAL_FRAMES + INTERVAL_FRAMES // 2
        n_frames = max(number + 1 - len(steps), _LEAST_AT_ONCE) * INTERVAL_FRAMES
        middles = range(first_middle, first_middle + n_frames, INTERVAL_FRAMES)
        steps += [round(ratio * density) for ratio in self.ratio.at_each(middles)]
        if not begins:  # frame _since lies in the first interval; extrapolate back to the interval's beginning
            begins.append(self._origin - self._since % INTERVAL_FRAMES * steps[0])
        place = begins[-1]
        for step in steps[len(begins) - 1 : -1]:
            place += INTERVAL_FRAMES * step
            begins.append(place)

    def place(self, frame: int) -> int:
        """The ring sample at or just before the position at `frame`."""
        return self.position(frame) >> FRACTION_BITS

    def path(self, frame: int, n_intervals: int) -> tuple[list[int], list[int]]:
        """The ring positions at which the next intervals begin, and the step per frame in each of these intervals.

        n_intervals: number of intervals. The first of them contains `frame`.
        """
        if self._step is not None:
            begin, ahead = self.position(frame - frame % INTERVAL_FRAMES), INTERVAL_FRAMES * self._step
            return [begin + k * ahead for k in range(n_intervals)], [self._step] * n_intervals
        first = frame // INTERVAL_FRAMES - self._first
        end = first + n_intervals
        if end > len(self._steps):
            self._extend(end - 1)
        return self._begins[first:end], self._steps[first:end]

    def hop_at(self, place: int) -> int:
        return self.first_hop + place // self.n_hop

    @property
    def fixed_step(self) -> int | None:
        """How far the position moves per frame, or None if this changes."""
        return self._step

    def ratio_at(self, frame: int) -> float:
        if self._step is not None:
            return self._step / self.density
        self.position(frame)
        return self._steps[frame // INTERVAL_FRAMES - self._first] / self.density

    @property
    def fastest_step(self) -> int:
        return round(self.ratio.highest * self.density)

    def _use(self, ratio: Ratio) -> None:
        self.ratio = ratio
        self._step = None if ratio.fixed is None else round(ratio.fixed * self.density)
        # For each interval from number _first on, _begins has the position at which the interval begins, and _steps has
        # the step per frame within the interval.
        if self._step is None:
            self._first = self._since // INTERVAL_FRAMES
            self._begins, self._steps = [], []
