"""Detects stalls, in which the machine holds up the audio thread."""

from __future__ import annotations

from collections import deque

from runtime.audio.load import BlockLoads

# So many stalls within so many seconds are reported. If they are rarer, the user need not look for a cause.
_MANY, _WITHIN_S = 5, 10.0


class Stalls:
    """Tells the user when there have been many stalls, but at most once.

    It counts the blocks that were late only because of a stall, although their work was small.
    """

    def __init__(self) -> None:
        self._n_seen = 0
        self._seen_s: deque[float] = deque(maxlen=_MANY)
        self._is_said = False

    def follow(self) -> None:
        """Watch the blocks of another output, which counts its stalls from 0 again."""
        self._n_seen = 0

    def look(self, loads: BlockLoads, now_s: float, realtime: bool) -> str:
        """Return a line for the user when stalls have become many, else an empty text.

        now_s: a time of `time.monotonic()`.
        realtime: whether the audio thread has its real-time priority.
        """
        n_stalled = loads.n_stalled
        self._seen_s.extend([now_s] * min(_MANY, n_stalled - self._n_seen))
        self._n_seen = n_stalled
        if self._is_said or len(self._seen_s) < _MANY or now_s - self._seen_s[0] > _WITHIN_S:
            return ""
        self._is_said = True
        longest_ms = 1000.0 * loads.longest_stall_s
        remedy = "" if realtime else "let this user have real-time priority (rtprio in /etc/security/limits.conf), "
        return (
            f"The machine stalled {n_stalled} times, for {longest_ms:.0f} ms at most, and blocks were late: "
            f"{remedy}close other programs, or choose larger blocks (--buffer)."
        )
