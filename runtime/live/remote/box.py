"""Answers what the pages ask about the machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, Protocol

import msgspec

from runtime.base.errors import UserError
from runtime.companion.child import CompanionChild
from runtime.companion.chosen import value_of
from runtime.config import Config
from runtime.link.messages import NoParams
from runtime.link.server import LATER, Caller, Server
from runtime.service.notify import is_service
from runtime.sound.choice import Choice

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
RESTART = "restart"


class ChooseSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose a setting's value; it takes effect at the next start.

    is_back: whether to go back to the settings file's value.
    """

    name: Name
    value: int | float | bool | None = None
    is_back: bool = False


class Power(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Restart `play`, or switch off or restart the machine.

    do: `restart` restarts `play`; `power_off` switches the machine off, and `reboot` restarts it.
    """

    do: Literal["restart", "power_off", "reboot"]


class Playing(Protocol):
    """The part of `Supervisor` that BoxRequests uses."""

    @property
    def choice(self) -> Choice:
        """The `Choice` with which the first part's instrument began to play."""


class BoxRequests:
    """Answers requests about the doctor, the settings and the power.

    file: the settings in the settings file.
    """

    def __init__(self, playing: Playing, companion: CompanionChild, changed: Callable[..., object], file: Config):
        self._playing, self._companion, self._changed = playing, companion, changed
        self._file = file
        self._examination: dict[str, Any] = {"is_running": False, "findings": [], "n_checks": 0, "at_s": None}
        companion.on("examined", self._examined)

    def add_requests(self, server: Server) -> None:
        """Let a server answer the requests about the doctor, the settings and the machine's power."""
        server.add("doctor", NoParams, lambda _params, _caller: self._examination)
        server.add("doctor.start", NoParams, self._examine)
        server.add("settings", NoParams, self._settings)
        server.add("settings.choose", ChooseSetting, self._choose)
        server.add("powers", NoParams, lambda _params, caller: self._ask("powers", _with_restart, caller))
        server.add("power", Power, self._power)

    def _ask(self, name: str, then: Callable[[Any], object], caller: Caller, /, **params: object) -> object:
        self._companion.ask(name, lambda answer: caller.answer(then(answer)), caller.refuse, **params)
        return LATER

    def _examine(self, _params: NoParams, caller: Caller) -> object:
        choice = self._playing.choice
        file = str(choice.instrument.path.resolve())
        return self._ask("examine", self._begun, caller, config=choice.settings, instrument=file)

    def _begun(self, _answer: object) -> dict[str, Any]:
        if not self._examination["is_running"]:
            self._examination = {"is_running": True, "findings": [], "n_checks": 0, "at_s": time.time()}
            self._changed(doctor=self._examination)
        return self._examination

    def _examined(self, news: dict[str, Any]) -> None:
        before = self._examination
        if news["ended"]:
            problem = {"problem": news["problem"]} if news["problem"] else {}
            self._examination = before | {"is_running": False, "at_s": time.time()} | problem
        else:
            findings = [*before["findings"], news["finding"]]
            self._examination = before | {"findings": findings, "n_checks": news["n_checks"]}
        self._changed(doctor=self._examination)

    def _settings(self, _params: NoParams, caller: Caller) -> object:
        return self._ask("chosen", self._with_present, caller, file=self._file)

    def _choose(self, asked: ChooseSetting, caller: Caller) -> object:
        return self._ask("choose", self._with_present, caller, file=self._file, **msgspec.structs.asdict(asked))

    def _with_present(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        settings = self._playing.choice.settings
        return [row | {"now": value_of(settings, row["name"])} for row in rows]

    def _power(self, asked: Power, caller: Caller) -> object:
        if asked.do != RESTART:
            return self._ask("power", lambda answer: answer, caller, do=asked.do)
        if not is_service():
            raise UserError("power", "no service, so nothing would start it again", "the service", "start play by hand")
        caller.answer({"do": RESTART})
        signal.raise_signal(signal.SIGTERM)  # ends `play`; systemd then starts it again
        return LATER


def _with_restart(found: list[str]) -> list[str]:
    return [RESTART] * is_service() + found
