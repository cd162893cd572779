"""Detects that a sound device has gone: it requests no more blocks. An unplugged sound card raises no error."""

from __future__ import annotations

BEAT_S = 0.15  # seconds from one look to the next; 1.5 blocks if those are longer
_SUSPECT_S = 0.1
# The device has gone if this many looks in a row find no new block.
_BEATS_AT_START = 15  # applies until the first block is requested, because some drivers request it late
_BEATS_MISSED = 3  # applies after the first block; more than 1, because this program may have been suspended itself


class Heartbeat:
    """Counts successive looks that find no new block.

    block_s: how long a block plays.
    now_s: the present time, by `time.monotonic()`.
    """

    def __init__(self, block_s: float, now_s: float):
        self._block_s = block_s
        self._beat_s = max(BEAT_S, 1.5 * block_s)
        self._due_s = now_s + self._beat_s
        self._n_blocks = self._n_missed = 0
        self._is_suspect = False

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next look."""
        return max(0.0, self._due_s - now_s)

    def suspect(self, n_blocks: int, now_s: float) -> None:
        """Bring the next look forward, because something besides missing blocks suggests that the device has gone.

        If that look finds no new block, the device has gone.
        """
        if not self._is_suspect:
            self._is_suspect, self._n_blocks, self._n_missed = True, n_blocks, 0
            self._due_s = now_s + max(_SUSPECT_S, 3.0 * self._block_s)

    def look(self, n_blocks: int, now_s: float) -> bool:
        """When a look is due, look; return whether the device has gone.

        n_blocks: number of blocks that the device has requested so far.
        """
        if now_s < self._due_s:
            return False
        self._due_s = now_s + self._beat_s
        if n_blocks != self._n_blocks:
            self._n_blocks, self._n_missed, self._is_suspect = n_blocks, 0, False
            return False
        self._n_missed += 1
        needed = _BEATS_AT_START if n_blocks == 0 else 1 if self._is_suspect else _BEATS_MISSED
        return self._n_missed >= needed
