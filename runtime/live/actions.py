"""The actions that a control or another process starts by name. They run on the main thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime.base.errors import UserError
from runtime.control.targets import ACTIONS
from runtime.events import Action, Reset

if TYPE_CHECKING:
    from runtime.live.desk import Desk

Act = Callable[[Action], object]


class Actions:
    """The actions in `control.targets.ACTIONS`, and two more, which only the rack returns.

    `program`: a MIDI program change asks for a program that the engine does not have.
    `swapped`: the rack has carried out a Swap.
    """

    def __init__(self, desk: Desk):
        self._desk = desk
        self._acts: dict[str, Act] = {"panic": self._panic}

    def add(self, name: str, act: Act) -> None:
        """Let the action with this name call `act`, which may raise UserError."""
        self._acts[name] = act

    def perform(self, action: Action) -> object:
        """Perform an action and return its answer; UserError if it is impossible."""
        act = self._acts.get(action.name)
        if act is None:
            expected = f"one of: {', '.join(name for name in ACTIONS if name in self._acts)}"
            raise UserError("action", f"{action.name!r}, which this play cannot do", expected, "choose one of these")
        return act(action)

    def heard(self, action: Action) -> None:
        """Perform an action that the rack returned; an error becomes a line for the user."""
        try:
            self.perform(action)
        except UserError as error:
            self._desk.say(f"{action.name}: {error}")

    def _panic(self, _action: Action) -> None:
        self._desk.playing.post(Reset())
