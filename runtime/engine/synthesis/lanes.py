"""Groups neighbouring lanes into runs, and numbers the sides of lanes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runtime.engine.synthesis.phases.noise import LANES_PER_ROW


def runs_alike(lanes: Sequence[int], values: Sequence[object]) -> list[slice]:
    """Group lanes as `runs_of` does, but only lanes with equal values belong to one run.

    values: one for each lane number.
    """
    runs: list[slice] = []
    for lane in lanes:
        if _goes_on(runs, lane) and values[lane] == values[lane - 1]:
            runs[-1] = slice(runs[-1].start, lane + 1)
        else:
            runs.append(slice(lane, lane + 1))
    return runs


def runs_of(lanes: Sequence[int]) -> list[slice]:
    """Group ascending lane numbers into runs of neighbours; each multiple of LANES_PER_ROW begins a new run."""
    if lanes and lanes[-1] - lanes[0] == len(lanes) - 1 and lanes[0] // LANES_PER_ROW == lanes[-1] // LANES_PER_ROW:
        return [slice(lanes[0], lanes[-1] + 1)]  # the usual case
    runs: list[slice] = []
    for lane in lanes:
        if _goes_on(runs, lane):
            runs[-1] = slice(runs[-1].start, lane + 1)
        else:
            runs.append(slice(lane, lane + 1))
    return runs


def _goes_on(runs: list[slice], lane: int) -> bool:
    return bool(runs) and runs[-1].stop == lane and lane % LANES_PER_ROW > 0


class Sides:
    """Remembers which lanes have a side, and gives each side a lane number.

    Lanes 0 to n_lanes - 1 are for voices. Lane k's side has the number `first` + k. `first` is a multiple of n_aligned,
    so a few numbers between the lanes and the sides may be unused.

    n_open: how many lanes have a side.
    is_open: for each lane, whether it has a side now.
    is_wanted: for each lane, whether it will have a side after its next hop.
    """

    def __init__(self, n_lanes: int, n_aligned: int):
        self.first, self.n_open = -(-n_lanes // n_aligned) * n_aligned, 0
        self.is_wanted, self.is_open = [False] * n_lanes, [False] * n_lanes

    def put(self, lane: int, is_open: bool) -> None:
        self.n_open += is_open - self.is_open[lane]
        self.is_open[lane] = is_open

    def of(self, lanes: Iterable[int]) -> list[int]:
        return [self.first + lane for lane in lanes if self.is_open[lane]] if self.n_open else []

    def by_lane(self, values: Sequence[int]) -> list[int]:
        """One value for each lane number, the sides' numbers included; a side gets its lane's value.

        values: one for each voice's lane.
        """
        return [*values, *([values[0]] * (self.first - len(values))), *values]
