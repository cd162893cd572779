"""Heads: where in their rings transposed lanes are read, as whole numbers that depend on frames only."""

from __future__ import annotations

from typing import Protocol

# Positions in a ring are fixed-point numbers, ONE per sample.
FRACTION_BITS = 24
ONE = 1 << FRACTION_BITS
# The ratio of a moving pitch is constant within each interval of this many frames, on a grid of absolute frames.
INTERVAL_FRAMES = 64


class Ratio(Protocol):
    """A ratio of frequencies as a function of the frame; equal objects give equal ratios at every frame.

    fixed: the ratio if it never changes, else None; highest: the upper limit of the ratio.
    """

    fixed: float | None
    highest: float

    def at(self, frame: int) -> float:
        """The ratio at a frame."""


class Head:
    """The position at which lanes are read; lanes that share a head are read at one place, at one speed.

    While the ratio moves, each interval is read at the ratio of the interval's middle. So a position is a sum of whole
    numbers that depend on absolute frames only. It never jumps.

    ratio: the present ratio; density: the step per frame at ratio 1; n_hop: length of a dense hop in ring samples;
    octave: how often the dense hops' sample rate is halved; n_lanes: how many lanes use the head; first_hop: number of
    the plain hop that is dense hop 0.
    """

    __slots__ = ("_origin", "_positions", "_since", "_step", "_steps", "density", "first_hop", "n_hop", "n_lanes", "octave",
                 "ratio")  # fmt: skip

    def __init__(self, frame: int, elapsed: int, ratio: Ratio, full_density: int, n_samples: int, octave: int):
        """elapsed: frames since dense hop 0 began; full_density, n_samples: density and n_hop for octave 0."""
        self.octave, self.density, self.n_hop = octave, full_density >> octave, n_samples >> octave
        self.n_lanes = self.first_hop = 0
        # The position is _origin at frame _since.
        self._origin, self._since = elapsed * self.density, frame
        self._use(ratio)

    def copy(self) -> Head:
        """Another head at the same place, which no lane uses yet."""
        copied = Head.__new__(Head)
        for name in Head.__slots__:
            setattr(copied, name, getattr(self, name))
        copied.n_lanes, copied._steps, copied._positions = 0, {}, {}
        return copied

    def set_ratio(self, frame: int, ratio: Ratio) -> None:
        """Read at another ratio from `frame` on, without a jump of the position."""
        self.go_to(frame)
        self._use(ratio)

    def go_to(self, frame: int) -> None:
        """Forget positions before `frame`, so that later positions are found faster."""
        self._origin, self._since = self.position(frame), frame
        if len(self._steps) > 4 * INTERVAL_FRAMES:
            self._steps.clear()
        if len(self._positions) > INTERVAL_FRAMES:
            self._positions.clear()

    def position(self, frame: int) -> int:
        """Where in the ring the lanes are read at `frame`, which must not precede the frame of the last `go_to`."""
        if self._step is not None:
            return self._origin + self._step * (frame - self._since)
        position = self._positions.get(frame)
        if position is None:
            position = self._positions[frame] = self._moved_to(frame)
        return position

    def _moved_to(self, frame: int) -> int:
        """The position at `frame`, where the ratio moves: the sum of all steps since `_since`."""
        at, position = self._since, self._origin
        while at < frame:
            end = min(frame, at - at % INTERVAL_FRAMES + INTERVAL_FRAMES)
            position += self._step_at(at) * (end - at)
            at = end
        return position

    def place(self, frame: int) -> int:
        """The ring sample at or just before the position at `frame`."""
        return self.position(frame) >> FRACTION_BITS

    def path(self, frame: int, n_intervals: int) -> tuple[list[int], list[int]]:
        """The positions at which n_intervals begin, from `frame`'s interval on, and the step within each interval.

        The first position is extrapolated back from the position at `frame`.
        """
        first = frame - frame % INTERVAL_FRAMES
        steps = [self._step_at(first + k * INTERVAL_FRAMES) for k in range(n_intervals)]
        position = self.position(frame) - (frame - first) * steps[0]
        positions = []
        for step in steps:
            positions.append(position)
            position += INTERVAL_FRAMES * step
        return positions, steps

    def hop_at(self, place: int) -> int:
        """Number of the dense hop at a ring sample, counted on from the plain hop that is dense hop 0."""
        return self.first_hop + place // self.n_hop

    @property
    def fixed_step(self) -> int | None:
        """How far the position moves per frame; None if this step changes."""
        return self._step

    def ratio_at(self, frame: int) -> float:
        """The ratio at which `frame` is read."""
        return self._step_at(frame) / self.density

    @property
    def fastest_step(self) -> int:
        """The largest step of the present ratio."""
        return round(self.ratio.highest * self.density)

    def _use(self, ratio: Ratio) -> None:
        self.ratio = ratio
        self._step = None if ratio.fixed is None else round(ratio.fixed * self.density)
        self._steps: dict[int, int] = {}  # a cache, by interval
        self._positions: dict[int, int] = {}  # a cache, by frame: the lanes of a head ask for the same frames

    def _step_at(self, frame: int) -> int:
        if self._step is not None:
            return self._step
        interval = frame // INTERVAL_FRAMES
        step = self._steps.get(interval)
        if step is None:
            middle = interval * INTERVAL_FRAMES + INTERVAL_FRAMES // 2
            step = self._steps[interval] = round(self.ratio.at(middle) * self.density)
        return step
