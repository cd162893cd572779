"""Measures each block's load: how much work the block was.

The load is min(took_s, MOST_WAITING * worked_s) / block_s. `BlockLoads.add` explains these three times.
If took_s is above MOST_WAITING * worked_s, there was a stall: another program had the processor, and fewer voices
would not have helped.
"""

from __future__ import annotations

import numpy as np

N_KEPT = 512
NEAR = 0.9  # a block is nearly late if its rendering took longer than this part of its duration
MOST_WAITING = 1.2


class BlockLoads:
    """The loads of the last N_KEPT blocks.

    n_blocks: number of blocks so far.
    n_late: blocks that took longer to render than to play.
    n_stalled: late blocks that would have been in time without a stall.
    longest_stall_s: the longest stall.
    n_over: how many of the newest blocks in a row had a load above 1.
    least_over: the least load of the blocks that n_over counts.
    """

    def __init__(self) -> None:
        self.n_blocks = self.n_late = self.n_stalled = 0
        self.longest_stall_s = 0.0
        self.n_over, self.least_over = 0, 0.0
        self._kept = np.zeros(N_KEPT, np.float32)

    def add(self, took_s: float, worked_s: float, block_s: float) -> bool:
        """Add one block; returns whether it was late or nearly late.

        took_s: how long the rendering took.
        worked_s: how long the processor worked on the rendering.
        block_s: how long the block plays.
        """
        load = min(took_s, MOST_WAITING * worked_s) / block_s
        if took_s > block_s:
            self.n_late += 1
            if load <= NEAR:
                self.longest_stall_s = max(self.longest_stall_s, took_s - worked_s)
                self.n_stalled += 1
        if load > 1.0:
            self.least_over = min(self.least_over, load) if self.n_over else load
            self.n_over += 1
        else:
            self.n_over = 0
        self._kept[self.n_blocks % N_KEPT] = load
        self.n_blocks += 1  # done last, so that a thread that reads n_blocks finds this load stored
        return took_s > NEAR * block_s

    def since(self, n_before: int) -> np.ndarray:
        """The loads of the blocks after the first `n_before` ones, oldest first, float32.

        If these are more than N_KEPT / 2, only the newest N_KEPT / 2 are returned.
        """
        end = self.n_blocks
        first = max(n_before, end - N_KEPT // 2)
        return self._kept[np.arange(first, end) % N_KEPT]
