"""The real program, which also measures the time to render each block: python -m tests.support.timed_play play ...

At the end it writes an array (n_blocks, 3) to the file that the environment variable BLOCK_TIMES names. A row has the
times of one block, in s: when the rendering began (`time.monotonic`), how long the rendering took, and how long the
block's sound lasts.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from runtime.__main__ import main
from runtime.rack.rack import Rack

MOST_BLOCKS = 1_000_000
_render = Rack.render
_times = np.zeros((MOST_BLOCKS, 3))
_n_blocks = 0


def _timed_render(rack: Rack, out: np.ndarray) -> None:
    global _n_blocks
    begin_s = time.monotonic()
    _render(rack, out)
    if _n_blocks < MOST_BLOCKS:
        _times[_n_blocks] = begin_s, time.monotonic() - begin_s, len(out) / rack.sample_rate_hz
        _n_blocks += 1


class BlockTimes:
    """Measurements by tests.support.timed_play; path: the file that it wrote."""

    def __init__(self, path: Path):
        self._times = np.load(path)

    def between(self, begin_s: float, end_s: float) -> np.ndarray:
        """How long each rendering took, in s, of those that began from `begin_s` to `end_s`."""
        return self._rows(begin_s, end_s)[:, 1]

    def n_late(self, begin_s: float, end_s: float) -> int:
        """How many blocks whose rendering began from `begin_s` to `end_s` took longer to render than to play."""
        rows = self._rows(begin_s, end_s)
        return int(np.sum(rows[:, 1] > rows[:, 2]))

    def _rows(self, begin_s: float, end_s: float) -> np.ndarray:
        return self._times[(self._times[:, 0] >= begin_s) & (self._times[:, 0] < end_s)]


if __name__ == "__main__":
    Rack.render = _timed_render
    status = main(sys.argv[1:])
    np.save(os.environ["BLOCK_TIMES"], _times[:_n_blocks])
    sys.exit(status)
