"""The sound of lanes that may be wide: a wide lane has a side, a second lane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.engine.synthesis.lanes import Sides, runs_of
from runtime.engine.synthesis.phases.noise import LANES_PER_ROW
from runtime.engine.synthesis.transposing.head import Ratio


class WideSound(LaneSound):
    """A `LaneSound` with sides: a side is a further lane that gets the spectra, blends and ratios of its lane.

    A side begins when its lane begins, or later. It has its own phases. The arguments are as in `LaneSound`.
    """

    def __init__(self, spec: StftSpec, sample_rate_hz: int, hop_offsets: Sequence[int], seed: int):
        self._sides = sides = Sides(len(hop_offsets), LANES_PER_ROW)
        super().__init__(spec, sample_rate_hz, sides.by_lane(hop_offsets), seed)
        for lane in range(len(hop_offsets)):
            self._phases.leader[sides.first + lane] = lane

    @property
    def first_side(self) -> int:
        """Number of lane 0's side; lane k's side has this number plus k."""
        return self._sides.first

    def want_side(self, lane: int, is_wanted: bool) -> None:
        """Set whether a lane has a side. This takes effect at the lane's next hop, or at `open` if that is earlier.

        A lane with points of its own gets its side at its next ramp, and keeps it until its sound ends.
        """
        self._sides.is_wanted[lane] = is_wanted

    def has_side(self, lane: int) -> bool:
        return self._sides.is_open[lane]

    def sides_of(self, lanes: Iterable[int]) -> list[int]:
        """The numbers of these lanes' sides, in the same order; every method that reads sound accepts them as lanes."""
        return self._sides.of(lanes)

    # Spectra, blends and ratios

    def set_spectra(self, lanes: Sequence[int], *spectra: Any) -> None:
        super().set_spectra(lanes, *spectra)
        for side in self._sides.of(lanes):
            self._changes.changed[side] = True

    def set_targets(self, lanes: Sequence[int], *spectra: Any, takes_blends: bool = False) -> None:
        super().set_targets(lanes, *spectra, takes_blends=takes_blends)
        for side in self._sides.of(lanes) if takes_blends else ():
            self._phases.blend[side] = self._phases.blend[side - self._sides.first]

    def take_prepared(self, lanes: Sequence[int], are_targets: bool) -> None:
        super().take_prepared(lanes, are_targets)
        for side in self._sides.of(lanes):
            self._follow(side)
            if not are_targets:
                self._changes.changed[side] = True

    def _store(self, lanes: Sequence[int], *spectra: Any) -> None:
        super()._store(lanes, *spectra)
        for side in self._sides.of(lanes):
            self._follow(side)

    def before_new_spectra(self, lanes: Sequence[int], frame: int) -> None:
        super().before_new_spectra([*lanes, *self._sides.of(lanes)], frame)

    def set_blend(self, lanes: Sequence[int], blend: float) -> None:
        super().set_blend([*lanes, *self._sides.of(lanes)] if self._sides.n_open else lanes, blend)

    def set_ratios(self, lanes: Sequence[int], frame: int, ratios: Sequence[Ratio]) -> None:
        if self._sides.n_open:
            ratios = [*ratios, *(ratio for lane, ratio in zip(lanes, ratios, strict=True) if self.has_side(lane))]
            lanes = [*lanes, *self._sides.of(lanes)]
        super().set_ratios(lanes, frame, ratios)

    def end(self, lanes: Iterable[int]) -> None:
        super().end(lanes)
        for side in self._sides.of(lanes):
            self._close(side - self._sides.first)

    # Making sound

    def open(self, lanes: slice, frame: int, blend: float, is_plain: bool = True) -> None:
        every = range(lanes.start, lanes.stop)
        for lane in every:
            self._close(lane)
        super().open(lanes, frame, blend, is_plain)
        for run in runs_of([self._open(lane, frame) for lane in every if self._sides.is_wanted[lane]]):
            super().open(run, frame, blend, is_plain)

    def go_past_hop(self, lanes: Sequence[int], frame: int) -> None:
        super().go_past_hop([*lanes, *self._sides.of(lanes)], frame)

    def make_old(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        """Make early the old sound that a ramp will need. Call `before_ramp` later, with the same arguments."""
        super().before_ramp([*lanes, *self._sides.of(lanes)], frame, n_frames)

    def rest(self, lanes: Sequence[int], frame: int) -> None:
        super().rest([*lanes, *self._sides.of(lanes)], frame)

    def before_ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        """As in `LaneSound`; a lane with points of its own gets its side here."""
        if self._points.has_points[lanes[0]]:
            for lane in lanes:
                if self._sides.is_wanted[lane] and not self._sides.is_open[lane]:
                    self._change_side(lane, frame)
                    self._hop_phases([self._sides.first + lane], frame, [False])
        super().before_ramp([*lanes, *self._sides.of(lanes)], frame, n_frames)

    def ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        super().ramp([*lanes, *self._sides.of(lanes)], frame, n_frames)

    def hop(self, lanes: Sequence[int], frame: int, n_hops: int, gains: np.ndarray) -> None:
        """As in `LaneSound`; a lane gets or loses its side here."""
        super().hop(lanes, frame, n_hops, gains)
        if not self._sides.n_open and True not in self._sides.is_wanted:
            return
        for lane in lanes:
            if self._sides.is_wanted[lane] != self._sides.is_open[lane]:
                self._change_side(lane, frame)
        sides = self._sides.of(lanes)
        if sides:
            gains.fill(0.0)
            super().hop(sides, frame, n_hops, gains[: sides[-1] - sides[0] + 1])

    def _change_side(self, lane: int, frame: int) -> None:
        if self._sides.is_wanted[lane]:
            side = self._open(lane, frame)
            self._phases.open(side, self._phases.blend[lane])
            self._changes.clear(slice(side, side + 1), frame)
            if self._transposer.active[lane]:
                self._transposer.follow(side, lane, frame)
        else:
            self._close(lane)

    def _open(self, lane: int, frame: int) -> int:
        side = self._sides.first + lane
        self._sides.put(lane, True)
        self._follow(side)
        self._phases.beside[side] = self._phases.beside[lane]
        self._opened_at[side] = self._opened_at[lane]
        self._points.has_points[side] = self._points.has_points[lane]
        self._points.begin(side, frame, is_made=False)
        return side

    def _close(self, lane: int) -> None:
        if self._sides.is_open[lane]:
            self._sides.put(lane, False)
            self._transposer.leave(self._sides.first + lane)

    def _follow(self, side: int) -> None:
        lane = side - self._sides.first
        self._spectra.copy(lane, side)
        self._phases.forget_found([side])
        self._phases.set_bandwidths([side], [self._phases.bandwidth_cents(lane)])
