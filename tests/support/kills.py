"""Kills the real companion at random moments while it saves, and checks the files."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import msgspec

from runtime.base.errors import UserError
from runtime.companion.child import CompanionChild
from runtime.companion.sounds.trash import newest_first
from runtime.companion.state import State, read_state
from runtime.sound.own import sounds_folder, user_sounds
from tests.support.rig import wait_until

_LONGEST_LIFE_S = 0.05
_MOST_WAITING = 3
# Knob positions for the state: so many that the file is not written in one piece.
_BALLAST = {f"latent.{number}": 0.5 for number in range(4000)}


class Rounds:
    """Starts and kills a companion again and again.

    The requests to the companion come in numbered groups. Each group saves the level `_level(number)` in the sound
    `kept` and in the state. It also renames the sound `moving` to `moved` or back, and deletes and restores the sound
    `gone`.
    """

    def __init__(self, seed: int):
        self._random = random.Random(seed)
        self._asked = self._kept = 0  # the numbers of the newest group sent, and of the newest group confirmed
        self._companion: CompanionChild

    def run(self) -> None:
        """Kill a companion while it saves; AssertionError or UserError if a file is not whole."""
        self._companion = CompanionChild(lambda line: None)
        self._begin()
        end_s = time.monotonic() + self._random.uniform(0.0, _LONGEST_LIFE_S)
        waiting: list[int] = []
        while time.monotonic() < end_s:
            if len(waiting) < _MOST_WAITING:
                waiting.append(0)
                self._ask_all(waiting)
            self._companion.serve()
        os.kill(self._companion.process_id, signal.SIGKILL)
        while self._companion.process_id and self._companion.read_fds:
            self._companion.serve()  # receives the answers that the companion sent before its end
        self._look()

    def _begin(self) -> None:
        names = [row["name"] for row in self._answer("sounds.list")]
        self._name = "moved" if "moved" in names else "moving"
        if self._name not in names:
            self._ask("sounds.save", name=self._name, tree={"pan": 0.5})
        if "gone" not in names:
            self._ask("sounds.save", name="gone", tree={"pan": -0.5})
        self._answer("ping")

    def _answer(self, request: str) -> Any:
        answers: list[Any] = []
        self._companion.ask(request, answers.append, answers.append)

        def answered() -> bool:
            self._companion.serve()
            return bool(answers)

        wait_until(answered, "the companion")
        return answers[0]

    def _ask_all(self, waiting: list[int]) -> None:
        """Send the next group of requests; `waiting` has an element for each unanswered group."""
        self._asked += 1
        number = self._asked

        def confirm(_result: object) -> None:
            self._kept = max(self._kept, number)
            waiting.pop()

        def fail(_error: UserError) -> None:
            waiting.pop()

        state = State("tiny", "", {"level_db": _level(number)}, None, _BALLAST)
        new = "moved" if self._name == "moving" else "moving"
        self._ask("sounds.rename", name=self._name, new_name=new)
        self._name = new
        self._ask("sounds.delete", name="gone")
        self._ask("sounds.undo")
        self._ask("sounds.save", name="kept", tree={"level_db": _level(number)})
        self._companion.ask("state", confirm, fail, state=msgspec.to_builtins(state))

    def _ask(self, request: str, /, **params: Any) -> None:
        self._companion.ask(request, lambda _result: None, lambda _error: None, **params)

    def _look(self) -> None:
        """Check the sounds and the state that the companion left; UserError if a file is broken."""
        known = {name: each.read() for name, each in user_sounds().items()}
        assert ("moving" in known) != ("moved" in known), sorted(known)
        assert "gone" in known or deleted("gone")
        possible = [_level(number) for number in range(self._kept, self._asked + 1)]
        if self._kept:
            assert known["kept"].level_db in possible
            state = read_state()
            assert state.sound["level_db"] in possible
            assert len(state.positions) == len(_BALLAST)
        left_over = [path.name for path in sounds_folder().iterdir() if path.suffix != ".yaml"]
        assert all(name.startswith(".") for name in left_over), left_over


def deleted(name: str) -> bool:
    return any(kept.entry.did == "delete" and kept.entry.name == name and kept.content for kept in newest_first())


def _level(number: int) -> float:
    return -(number % 50000) / 1000.0


def run_kills(n_kills: int, seed: int = 0) -> dict[str, int]:
    rounds, n_half, parts = Rounds(seed), 0, set()
    for number in range(n_kills):
        try:
            rounds.run()
        except (UserError, AssertionError) as error:
            raise AssertionError(f"after kill {number + 1}: {error}") from error
        before, parts = parts, _parts()
        n_half += bool(parts - before)
    return {"kills": n_kills, "in the middle of a file": n_half, "half-written files left": len(parts)}


def _parts() -> set[Path]:
    folders = sounds_folder().parent, Path(os.environ["XDG_STATE_HOME"])
    return {path for folder in folders for path in folder.rglob(".*.part")}
