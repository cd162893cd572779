"""Runs of neighbouring lanes."""

from __future__ import annotations

from collections.abc import Sequence


def runs_alike(lanes: Sequence[int], values: Sequence[float]) -> list[slice]:
    """As `runs_of`, but the lanes of a run also have equal values; values: one for each lane number."""
    runs: list[slice] = []
    for lane in lanes:
        if runs and runs[-1].stop == lane and values[lane] == values[lane - 1]:
            runs[-1] = slice(runs[-1].start, lane + 1)
        else:
            runs.append(slice(lane, lane + 1))
    return runs


def runs_of(lanes: Sequence[int]) -> list[slice]:
    """Group ascending lane numbers into runs of neighbours, one slice for each run."""
    runs: list[slice] = []
    for lane in lanes:
        if runs and runs[-1].stop == lane:
            runs[-1] = slice(runs[-1].start, lane + 1)
        else:
            runs.append(slice(lane, lane + 1))
    return runs
