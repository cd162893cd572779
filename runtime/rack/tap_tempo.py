"""Finds the tempo at which a player taps."""

from __future__ import annotations

import statistics
from collections import deque

from runtime.events import Tempo

FASTEST_BPM = 300.0
RESTART_S = 2.0
# Two taps within this time count as one: the switch bounced, or the foot slipped.
_BOUNCE_S = 0.1
_N_INTERVALS = 4


class TapTempo:
    """Finds the tempo of the latest taps from the median of the last intervals between them, four at most.

    A tap that comes more than RESTART_S after the previous one counts as a first tap. So no tempo is below 30 beats a
    minute.
    """

    def __init__(self, sample_rate_hz: int):
        self._rate_hz = sample_rate_hz
        self._last: int | None = None
        self._intervals: deque[int] = deque(maxlen=_N_INTERVALS)

    def tap(self, frame: int) -> Tempo | None:
        """Process a tap; return the tempo (30 to 300 beats a minute), or None after a first tap or a bounce."""
        last = self._last
        if last is not None and frame - last < _BOUNCE_S * self._rate_hz:
            return None
        self._last = frame
        if last is None or frame - last > RESTART_S * self._rate_hz:
            self._intervals.clear()
            return None
        self._intervals.append(frame - last)
        bpm = 60.0 * self._rate_hz / statistics.median(self._intervals)
        return Tempo(min(bpm, FASTEST_BPM))
