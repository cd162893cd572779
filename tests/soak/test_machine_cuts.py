"""Tests parts of the rig that pulls the plug of an emulated PC. These tests need no emulated PC."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path

import pytest

from tests.soak.machine_cuts import Count, Cut, Plug, table
from tests.support.machine import owner
from tests.support.machine.qemu import Answer, EndedError, Lines

PLAYED = Cut(1, "play", 1.5, ended=False, saves=0, unsafe=4, kept=1, versions=(1, 1))
INSTALLED = Cut(2, "install", 9.0, ended=True, saves=3, unsafe=2, kept=2, versions=(1, 2))


class Silent:
    """A link to a service that counts each note as played. Whether the note is heard is told elsewhere."""

    def __init__(self) -> None:
        self._notes = 0

    def ask(self, method: str, **asked: object) -> object:
        self._notes += asked.get("velocity", 0) > 0
        return {"notes": self._notes, "voices": 0, "blocks": self._notes}


class Machine:
    """A machine that ends after two requests to its service.

    refuses: whether the service refuses these requests.
    """

    def __init__(self, log: Path, refuses: bool):
        self.log, self._refuses, self._left = log, refuses, 2
        log.touch()

    def ask(self, method: str, **_: object) -> dict[str, object]:
        if not self._left:
            raise EndedError("the plug")
        self._left -= 1
        assert not self._refuses, f"no {method}"
        return {}

    def begin(self, *_: object) -> Answer:
        return Answer({})

    def rest(self, *_: float) -> None:
        """Do nothing: these tests need not wait for the machine."""

    def pull_plug(self) -> None:
        """Do nothing: the machine ends by itself."""


def test_requests_end_at_once_when_the_machine_does() -> None:
    ours, theirs = socket.socketpair()
    lines = Lines(ours, "status")
    answered, pending = lines.send({"n": 1}), lines.send({"n": 2})
    theirs.sendall(json.dumps({"id": 1, "status": 0}).encode() + b"\n" + b'{"id": 2, "st')
    assert answered.get(5.0)["status"] == 0
    assert not pending.is_there
    theirs.close()
    for request in (pending, lines.send({"n": 3})):
        with pytest.raises(EndedError, match=r"'n': [23]"):
            request.get(5.0)


@pytest.mark.parametrize(("activity", "refuses"), [("play", False), ("save", False), ("install", True)])
def test_an_activity_ends_with_the_machine(tmp_path: Path, activity: str, refuses: bool) -> None:
    plug = Plug(Machine(tmp_path / "log", refuses), {}, random.Random(0))
    assert plug.act(activity, 1.0) is False


@pytest.mark.parametrize("activity", ["play", "save"])
def test_only_an_installation_may_stop_the_service(tmp_path: Path, activity: str) -> None:
    plug = Plug(Machine(tmp_path / "log", refuses=True), {}, random.Random(0))
    with pytest.raises(AssertionError, match="the program is gone"):
        plug.act(activity, 1.0)


def test_a_note_that_is_played_but_not_heard_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "_PATIENCE_S", 0.1)
    with pytest.raises(AssertionError, match="no note"):
        owner.listen(Silent(), lambda: False)
    owner.listen(Silent(), lambda: True)


def test_the_count_goes_on_where_it_was(tmp_path: Path) -> None:
    count = Count(tmp_path)
    assert not count.pending
    count.add(PLAYED)
    count = Count(tmp_path)
    assert count.pending
    assert count.booted(21.0) == PLAYED._replace(ready_s=21.0)
    count = Count(tmp_path)
    assert (count.pending, count.cuts) == (False, [PLAYED._replace(ready_s=21.0)])


def test_the_table_sums_up_by_activity() -> None:
    cuts = [INSTALLED._replace(ready_s=20.0), INSTALLED._replace(ended=False, versions=(2, 2), ready_s=31.4)]
    assert table([*cuts, PLAYED])[2:] == ["| install | 2 | 1 | 31 s | 6 | 4 | 4 | 1 |"]
    assert "cut after 9.0 s, when it had ended" in INSTALLED.row()
    assert "when it had ended" not in PLAYED.row()
