"""Who may speak to the page's process, and how much."""

from __future__ import annotations

import time

MOST_PAGES = 8
MOST_CONNECTIONS = 64
LONGEST_MESSAGE_BYTES = 16 * 2**10
MOST_UNSENT_BYTES = 2**20
MOST_ASKED = 16  # requests of one page that wait for their answers
MOST_ANSWERING = 6  # requests of all pages that what plays has not answered; it drops a reader that is far behind
# What plays takes some 50 us for a message, on a thread that shares the interpreter with the audio thread.
PAGE_RATE, PAGE_BURST = 200.0, 400.0  # messages a second, and after a silence
ALL_RATE, ALL_BURST = 500.0, 1000.0


def own_hosts(port: int) -> frozenset[str]:
    """The values of the header Host that mean this page; any other may be a foreign name that leads to this machine."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))


def is_own_origin(origin: str | None, hosts: frozenset[str]) -> bool:
    """Whether a page of ours asks; None: no browser does, since each one tells the origin of a WebSocket's page."""
    return origin is None or origin in {f"http://{host}" for host in hosts}


class Allowance:
    """How fast somebody may speak: `rate` messages a second, and `burst` at once after a silence."""

    def __init__(self, rate: float, burst: float):
        self._rate, self._burst = rate, burst
        self._left, self._at_s = burst, time.monotonic()

    def take(self) -> float:
        """Take one message; returns the seconds to wait before it is handled."""
        now_s = time.monotonic()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate) - 1.0
        self._at_s = now_s
        return max(0.0, -self._left / self._rate)
