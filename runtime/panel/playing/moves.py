"""Merges the moves of all pages, so that many pages cost the playing process no more than one."""

from __future__ import annotations

import asyncio
import contextlib

from runtime.base.errors import UserError
from runtime.link.moves import MOST_TARGETS, Moves
from runtime.panel.playing.play_link import PlayLink

EVERY_S = 0.02  # the same interval as in page/play.js


class MergedMoves:
    """Sends moves at once, then collects further moves for 20 ms.

    Then it sends only the newest position of each target, and collects for 20 ms again. It sends earlier if it has
    collected moves of more than MOST_TARGETS targets.
    """

    def __init__(self, link: PlayLink):
        self._link = link
        self._kept: dict[str, float] = {}
        self._pause: asyncio.TimerHandle | None = None

    def take(self, moves: Moves) -> None:
        """Send moves now, or keep them until the present 20 ms are over.

        UserError if they are sent now and nothing plays.
        """
        if self._pause is not None:
            self._kept |= moves.positions
            if len(self._kept) <= MOST_TARGETS:
                return
            self._pause.cancel()
        else:
            self._kept = moves.positions
        self._send()

    def flush(self) -> None:
        """Send the kept moves now; call this before sending a message that must come after them."""
        if self._kept:
            self._pause.cancel()
            self._send()

    def _send(self) -> None:
        kept, self._kept = self._kept, {}
        self._pause = asyncio.get_running_loop().call_later(EVERY_S, self._go_on)
        for first in range(0, len(kept), MOST_TARGETS):
            part = dict(list(kept.items())[first : first + MOST_TARGETS])
            self._link.tell("moves", {"positions": part})

    def _go_on(self) -> None:
        self._pause = None
        if self._kept:
            with contextlib.suppress(UserError):
                self._send()
