"""The lamp and the button of a box."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from runtime.base.errors import UserError
from runtime.companion.child import CompanionChild
from runtime.config import BoxConfig

PLAYS, WAITS, WRONG = "plays", "waits", "wrong"


class Lamp:
    """Tells the companion what to show on the lamp. Once told, the companion also watches the button.

    box: the settings that name the pins.
    """

    def __init__(self, box: BoxConfig, companion: CompanionChild, say: Callable[[str], object]):
        self._box, self._companion, self._say = box, companion, say
        self._told: tuple[str, int] | None = None
        self._complaint = ""

    def show(self, state: str) -> None:
        """Show PLAYS, WAITS or WRONG. Call this repeatedly: a restarted companion does not know the state."""
        now = state, self._companion.n_starts
        if self._box == BoxConfig() or now == self._told or self._companion.process_id is None:
            return
        self._told = now
        pins = msgspec.to_builtins(self._box)
        self._companion.ask("box", lambda _answer: None, self._was_refused, **pins, state=state)

    def _was_refused(self, error: UserError) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            self._say(f"No lamp and no button: {error}")
