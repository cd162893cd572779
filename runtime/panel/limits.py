"""The limits of the page's process."""

from __future__ import annotations

import time

MOST_PAGES = 8
MOST_CONNECTIONS = 64
MOST_OF_SENDER = 16  # connections of one other machine, so that none uses up all
LONGEST_MESSAGE_BYTES = 16 * 2**10
MOST_UNSENT_BYTES = 2**20
MOST_ASKED = 16  # unanswered requests of one page
MOST_ANSWERING = 6  # unanswered requests of all pages; too many unread answers would end the link
# A message costs the playing process some 50 us, on a thread that shares the interpreter with the audio thread.
PAGE_RATE, PAGE_BURST = 200.0, 400.0  # messages of one page: per second, and together after a pause
ALL_RATE, ALL_BURST = 500.0, 1000.0  # messages of all pages


class Allowance:
    """A limit on messages (token bucket): `rate` per second; after a pause, `burst` need not wait."""

    def __init__(self, rate: float, burst: float):
        self._rate, self._burst = rate, burst
        self._left, self._at_s = burst, time.monotonic()

    def take(self) -> float:
        """Count one message; return the seconds to wait before handling it."""
        self._refill()
        self._left -= 1.0
        return max(0.0, -self._left / self._rate)

    def try_take(self) -> float:
        """Count a message and return 0 if it may be handled now; else return the seconds until one may be."""
        self._refill()
        if self._left < 1.0:
            return (1.0 - self._left) / self._rate
        self._left -= 1.0
        return 0.0

    def _refill(self) -> None:
        now_s = time.monotonic()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
