"""Which lanes sound with coherent phases, by how much, and up to where their phases have come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.coherent import CoherentPhases
from runtime.engine.synthesis.hops import MAX_ROWS
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.synthesis.taps import new_taps, seen_by_bins


class LanePhases:
    """Coherent phases, lane by lane.

    frames: float32 (n_lanes, n_bins), a view of what the lanes sound. blend: a list, of each lane's phases, from those
    of noise, 0, to coherent ones, 1. A lane at another pitch counts hops of its own, `number`.
    """

    def __init__(self, frames: np.ndarray, phases: CoherentPhases):
        n_lanes, n_bins = frames.shape
        self.blend = [0.0] * n_lanes
        self._frames, self._phases = frames, phases
        self._found = [False] * n_lanes
        self._number = [0] * n_lanes  # a transposed lane's hop that its phases stand at
        self._taps = new_taps(n_lanes, n_bins)
        self._taps.fill(0)  # its memory is there before a first blend is played
        self._seen_taps = seen_by_bins(self._taps)
        self._planned = np.zeros((MAX_ROWS, n_bins), np.float32)

    def open(self, lane: int, blend: float) -> None:
        """Begin a lane's sound with this blend."""
        self._found[lane], self.blend[lane] = False, blend

    def count_from(self, lane: int) -> None:
        """A lane is transposed from now on: its hops are counted from 0."""
        self._number[lane] = 0

    def find(self, lanes: slice, frame: int, turning: Sequence[bool], transposed: Sequence[bool]) -> None:
        """Bring phases, where they are heard, to the hop at `frame` and to its spectra; turning: which are new ones."""
        if not (any(self.blend[lanes]) or any(self._found[lanes])):
            return
        going_on, planned = [], []
        for lane in range(lanes.start, lanes.stop):
            if not self.blend[lane]:
                self._found[lane] = False
            elif not self._found[lane]:
                self._phases.start(lane, frame)
                self._found[lane], self._number[lane] = True, 0
                planned.append(lane)
            elif not transposed[lane]:
                going_on.append(lane)
                if turning[lane]:
                    planned.append(lane)
        for run in runs_of(going_on):
            self._phases.advance(run)
        for run in runs_of(planned):
            self._plan(run)

    def taps(self, lanes: slice) -> np.ndarray | None:
        """Taps of lanes as `seen_by_bins` shows them; None where noise is all that is heard."""
        if not self.blend[lanes.start]:
            return None
        self._phases.taps(lanes, self._taps[lanes, :, 1:-1])
        return self._seen_taps[lanes]

    def taps_at(self, lane: int, number: int) -> np.ndarray | None:
        """The same of a transposed lane at its hop `number`."""
        if not self._found[lane]:
            return None
        self._go_to(lane, number)
        return self.taps(slice(lane, lane + 1))

    def turn(self, lanes: Sequence[int], numbers: Sequence[int]) -> None:
        """Transposed lanes, ascending, get new spectra at these hops of theirs."""
        turning = [lane for lane in lanes if self._found[lane]]
        if turning:
            for lane, number in zip(lanes, numbers, strict=True):
                if self._found[lane]:
                    self._go_to(lane, number)
            for run in runs_of(turning):
                self._plan(run)

    def _go_to(self, lane: int, number: int) -> None:
        self._phases.advance(slice(lane, lane + 1), number - self._number[lane])
        self._number[lane] = number

    def _plan(self, lanes: slice) -> None:
        magnitudes = self._planned[: lanes.stop - lanes.start]
        np.copyto(magnitudes, self._frames[lanes])
        self._phases.plan(lanes, magnitudes)
