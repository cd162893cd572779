"""How much of their time the blocks take; the audio thread writes it, and the main thread reads it, without a lock."""

from __future__ import annotations

import numpy as np

N_KEPT = 512
NEAR = 0.9  # a block that takes this share of its time is nearly late


class BlockLoads:
    """The loads of the last N_KEPT blocks: the time that a block took, in units of the time that it plays.

    n_blocks: number of blocks so far.
    """

    def __init__(self) -> None:
        self.n_blocks = 0
        self._kept = np.zeros(N_KEPT, np.float32)

    def add(self, load: float) -> None:
        """Note one more block; for the audio thread only."""
        self._kept[self.n_blocks % N_KEPT] = load
        self.n_blocks += 1  # last, so that whoever reads the number finds the load

    def since(self, n_before: int) -> np.ndarray:
        """The loads of the blocks after the first `n_before`, oldest first, float32 (n,); at most N_KEPT / 2."""
        end = self.n_blocks
        first = max(n_before, end - N_KEPT // 2)
        return self._kept[np.arange(first, end) % N_KEPT]
