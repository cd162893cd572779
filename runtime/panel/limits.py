"""The limits on connections and messages in the page's process."""

from __future__ import annotations

import time

MOST_PAGES = 8
MOST_CONNECTIONS = 64
MOST_OF_SENDER = 16  # connections from one machine other than this; no such machine can use up MOST_CONNECTIONS
LONGEST_MESSAGE_BYTES = 16 * 2**10
MOST_UNSENT_BYTES = 2**20
MOST_ASKED = 16  # unanswered requests of one page, on the link or waiting for it
MOST_ANSWERING = 6  # unanswered requests on the link, of all pages; too many unread answers would end the link
# A message costs the playing process some 50 us, on a thread that shares the interpreter with the audio thread.
PAGE_RATE, PAGE_BURST = 200.0, 400.0  # for one page: messages per second, and the most messages at once after a pause
ALL_RATE, ALL_BURST = 500.0, 1000.0  # the same for all pages together


class Allowance:
    """A token bucket: `rate` messages per second are allowed, and up to `burst` at once after a pause."""

    def __init__(self, rate: float, burst: float):
        self._rate, self._burst = rate, burst
        self._left, self._at_s = burst, time.monotonic()

    def take(self) -> float:
        """Count one message; return the seconds to wait before handling it."""
        self._refill()
        self._left -= 1.0
        return max(0.0, -self._left / self._rate)

    def try_take(self) -> float:
        """If a message may be handled now, count it and return 0. If not, return the seconds to wait."""
        self._refill()
        if self._left < 1.0:
            return (1.0 - self._left) / self._rate
        self._left -= 1.0
        return 0.0

    def _refill(self) -> None:
        now_s = time.monotonic()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
