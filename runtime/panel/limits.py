"""Who may speak to the page's process, and how much."""

from __future__ import annotations

import time

MOST_PAGES = 8
MOST_CONNECTIONS = 64
LONGEST_MESSAGE_BYTES = 16 * 2**10
MOST_UNSENT_BYTES = 2**20
MOST_ASKED = 32  # requests of one page that wait for their answers
MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 400.0, 800.0


def own_hosts(port: int) -> frozenset[str]:
    """The values of the header Host that mean this page; any other may be a foreign name that leads to this machine."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))


def is_own_origin(origin: str | None, hosts: frozenset[str]) -> bool:
    """Whether a page of ours asks; None: no browser does, since each one tells the origin of a WebSocket's page."""
    return origin is None or origin in {f"http://{host}" for host in hosts}


class Allowance:
    """How fast one page may speak: `MESSAGES_A_SECOND`, and `MESSAGES_AT_ONCE` after a silence."""

    def __init__(self) -> None:
        self._left, self._at_s = MESSAGES_AT_ONCE, time.monotonic()

    def take(self) -> float:
        """Take one message; returns the seconds to wait before it is handled."""
        now_s = time.monotonic()
        self._left = min(MESSAGES_AT_ONCE, self._left + (now_s - self._at_s) * MESSAGES_A_SECOND)
        self._at_s = now_s
        self._left -= 1.0
        return max(0.0, -self._left / MESSAGES_A_SECOND)
