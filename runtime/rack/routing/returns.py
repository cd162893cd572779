"""Passes two things from the rack to the main thread: the player's actions, and the engines that are retired."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from runtime.engine.engine import Engine
from runtime.events import Action

MOST_WAITING = 256


class Returns:
    """Keeps the player's actions and the retired engines; the audio thread adds them, another thread takes them.

    wake: called on the audio thread after each addition; it must not block.
    n_notes: how many notes the retired engines have played.
    n_stolen: how many voices the retired engines have ended to make room for new notes.
    """

    def __init__(self, wake: Callable[[], object] | None):
        self._wake = wake
        self._actions: deque[Action] = deque(maxlen=MOST_WAITING)
        self._retired: deque[Engine] = deque()
        self.n_notes = self.n_stolen = 0

    def ask(self, action: Action) -> None:
        self._actions.append(action)
        self._tell()

    def retire(self, engine: Engine) -> None:
        """Keep an engine until the main thread frees it, and add its notes to the totals."""
        self.n_notes += engine.status.n_notes
        self.n_stolen += engine.status.n_stolen
        self._retired.append(engine)
        self._tell()

    def take_actions(self) -> list[Action]:
        return [self._actions.popleft() for _ in range(len(self._actions))]

    def take_retired(self) -> list[Engine]:
        """Return the engines that were retired since the previous call; the caller frees them."""
        return [self._retired.popleft() for _ in range(len(self._retired))]

    def _tell(self) -> None:
        if self._wake is not None:
            self._wake()
