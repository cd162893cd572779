"""How much work the blocks are, and which were late for want of a processor; the audio thread writes it without a lock.

A block's load is the time that it took, in units of the time that it plays, but at most MOST_WAITING times the work
on it, the time of a processor: it always waits a little for other threads of this process. If it took longer, the
machine has stalled: another program, or the system, had the processor. More voices or fewer make no difference then.
"""

from __future__ import annotations

import numpy as np

N_KEPT = 512
NEAR = 0.9  # a block that takes this share of its time is nearly late
MOST_WAITING = 1.2


class BlockLoads:
    """The loads of the last N_KEPT blocks.

    n_blocks: number of blocks so far. n_late: how many took longer to render than to play.
    n_stalled: how many of them would have been in time if the thread had not waited; longest_stall_s: the longest wait.
    """

    def __init__(self) -> None:
        self.n_blocks = self.n_late = self.n_stalled = 0
        self.longest_stall_s = 0.0
        self._kept = np.zeros(N_KEPT, np.float32)

    def add(self, took_s: float, worked_s: float, block_s: float) -> bool:
        """Note one more block; returns whether it was late, or nearly; for the audio thread only.

        took_s: from its beginning to its end; worked_s: of that, how long a processor worked on it; block_s: how long
        it plays.
        """
        load = min(took_s, MOST_WAITING * worked_s) / block_s
        if took_s > block_s:
            self.n_late += 1
            if load <= NEAR:
                self.longest_stall_s = max(self.longest_stall_s, took_s - worked_s)
                self.n_stalled += 1
        self._kept[self.n_blocks % N_KEPT] = load
        self.n_blocks += 1  # last, so that whoever reads the number finds the load
        return took_s > NEAR * block_s

    def since(self, n_before: int) -> np.ndarray:
        """The loads of the blocks after the first `n_before`, oldest first, float32 (n,); at most N_KEPT / 2."""
        end = self.n_blocks
        first = max(n_before, end - N_KEPT // 2)
        return self._kept[np.arange(first, end) % N_KEPT]
