"""The load of each block, rendering time per playing time: written on the audio thread, read on the main thread."""

from __future__ import annotations

import numpy as np

N_KEPT = 512
NEAR = 0.9  # a block with this load is nearly late


class BlockLoads:
    """The loads of the last N_KEPT blocks, without a lock; a load is a block's rendering time per playing time.

    n_blocks: number of blocks so far.
    """

    def __init__(self) -> None:
        self.n_blocks = 0
        self._kept = np.zeros(N_KEPT, np.float32)

    def add(self, load: float) -> None:
        """Add one block's load; for the audio thread only."""
        self._kept[self.n_blocks % N_KEPT] = load
        self.n_blocks += 1  # last, so that a reader of n_blocks finds every load written

    def since(self, n_before: int) -> np.ndarray:
        """The loads of the blocks after the first `n_before`, oldest first, float32 (n,); at most N_KEPT / 2."""
        end = self.n_blocks
        first = max(n_before, end - N_KEPT // 2)
        return self._kept[np.arange(first, end) % N_KEPT]
