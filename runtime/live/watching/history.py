"""Keeps loads and faults of the last minutes."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple, Protocol

from runtime.audio.load import BlockLoads

STEP_S = 1.9  # a little less than the supervisor's ROUND_S, so that each of its rounds adds a point
MINUTES = 5
_DIGITS = 4


class Blocks(Protocol):
    """The part of `audio.block_renderer.BlockRenderer` that the history uses."""

    loads: BlockLoads


class Card(Protocol):
    """The part of `SoundCard` that the history uses."""

    @property
    def blocks(self) -> Blocks: ...

    @property
    def counts(self) -> dict[str, int]: ...


class Point(NamedTuple):
    """What happened in the few seconds since the previous point.

    at_s: the end of these seconds, by `time.monotonic()`.
    load, most: mean and largest load of the blocks in these seconds; of very many blocks, only the newest count.
    voices: how many voices sounded at the end.
    late, underruns: numbers of late blocks and of underruns in these seconds.
    """

    at_s: float
    load: float
    most: float
    voices: int
    late: int
    underruns: int


class History:
    """The points of the last MINUTES minutes. Only the main thread may use it."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=round(60.0 * MINUTES / STEP_S))
        self._loads: BlockLoads | None = None
        self._n_blocks = 0
        self._late = self._underruns = 0

    def note(self, card: Card, n_voices: int) -> None:
        """Add a point, unless the newest is younger than STEP_S."""
        now_s = time.monotonic()
        if self._points and now_s - self._points[-1].at_s < STEP_S:
            return
        loads = card.blocks.loads
        if loads is not self._loads:
            self._loads, self._n_blocks = loads, 0
        recent, self._n_blocks = loads.since(self._n_blocks), loads.n_blocks
        mean, most = (float(recent.mean()), float(recent.max())) if len(recent) else (0.0, 0.0)
        counts = card.counts
        late, underruns = counts["late"] - self._late, counts["underruns"] - self._underruns
        self._late, self._underruns = counts["late"], counts["underruns"]
        self._points.append(Point(now_s, round(mean, _DIGITS), round(most, _DIGITS), n_voices, late, underruns))

    @property
    def load(self) -> dict[str, float]:
        """The mean and the largest load of the newest point."""
        last = self._points[-1] if self._points else Point(0.0, 0.0, 0.0, 0, 0, 0)
        return {"load": last.load, "load_most": last.most}

    def columns(self) -> dict[str, list[float]]:
        """The points' values, a list for each field. The oldest point comes first.

        In place of the field `at_s`, there is `ago_s`: the seconds from each point to now.
        """
        now_s = time.monotonic()
        found = {name: [getattr(point, name) for point in self._points] for name in Point._fields[1:]}
        return {"ago_s": [round(now_s - point.at_s, 1) for point in self._points]} | found
