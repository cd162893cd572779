"""The link answers requests over real sockets, and endures bad clients."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from runtime.base.errors import UserError
from runtime.link import place
from runtime.link.client import Link, connect
from runtime.link.messages import LONGEST_LINE_BYTES, NoParams
from runtime.link.server import LATER, MOST_CLIENTS, Server
from tests.support.places import ROOT
from tests.support.rig import LiveProgram, wait_until

TINY = ROOT / "tests" / "data" / "tiny.onnx"


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    n: int


class Served:
    """A server, and a thread that calls its `serve` again and again, as the playing process does."""

    def __init__(self, path: Path):
        self.server, self.path, self._ends, self.callers = Server(path, ("change",)), path, False, []
        self.server.add("double", Number, lambda params, _caller: 2 * params.n)
        self.server.add("fail", NoParams, lambda _params, _caller: 1 // 0)
        self.server.add("later", NoParams, lambda _params, caller: self.callers.append(caller) or LATER)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        while not self._ends:
            with self._lock:
                self.server.serve()
            time.sleep(0.001)

    def publish(self, topic: str, news: object) -> None:
        with self._lock:
            self.server.publish(topic, news)

    def close(self) -> None:
        self._ends = True
        self._thread.join()
        self.server.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, because a socket's path can have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tb-") as name:
        yield Path(name)


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    served = Served(folder / "run" / "control")
    yield served
    served.close()


def raw(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10.0)
    client.connect(str(path))
    return client


def all_of(client: socket.socket) -> list[dict]:
    received = b""
    while data := client.recv(65536):
        received += data
    return [json.loads(line) for line in received.splitlines()]


def test_requests_are_answered_in_their_order(served: Served) -> None:
    with Link(served.path) as link:
        assert [link.ask("double", n=n) for n in range(100)] == [2 * n for n in range(100)]


def test_a_refused_request_is_a_user_s_mistake_and_the_next_one_is_answered(served: Served) -> None:
    with Link(served.path) as link:
        with pytest.raises(UserError, match=r"'dubble'.*did you mean 'double'"):
            link.ask("dubble")
        with pytest.raises(UserError, match="request double: found Expected `int`"):
            link.ask("double", n="two")
        with pytest.raises(UserError, match="unknown field `m`"):
            link.ask("double", n=2, m=3)
        with pytest.raises(UserError, match="ZeroDivisionError"):
            link.ask("fail")
        assert link.ask("double", n=4) == 8


def test_an_answer_may_come_later_and_the_wait_for_it_has_an_end(served: Served) -> None:
    with Link(served.path) as link:
        with pytest.raises(UserError, match=r"no answer to later within 0\.1 s"):
            link.ask("later", limit_s=0.1)
        wait_until(lambda: served.callers, "the request")
        served.callers[0].answer("too late")
        assert link.ask("double", n=1) == 2


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n", b"[]\n", b'{"method": 7}\n', b"\xff\xfe\n", b"[" * 60000 + b"\n", b"{" * 99 + b"\n"],
)
def test_garbage_is_answered_with_one_error_and_harms_nobody_else(served: Served, garbage: bytes) -> None:
    with Link(served.path) as link:
        client = raw(served.path)
        client.sendall(garbage * 3)
        (answer,) = all_of(client)
        assert answer["error"]["code"] in (-32700, -32600)
        assert link.ask("double", n=1) == 2


def test_a_line_without_an_end_is_refused_when_it_is_too_long(served: Served) -> None:
    client = raw(served.path)
    with pytest.raises(BrokenPipeError):  # noqa: PT012
        for _ in range(6400):
            client.sendall(b"x" * 2**16)
            time.sleep(0.001)
    long_line = b'{"method": "double", "params": {"n": 1}, "id": "' + b"x" * LONGEST_LINE_BYTES + b'"}\n'
    client = raw(served.path)
    client.sendall(long_line)
    (answer,) = all_of(client)
    assert "more than 262144 bytes" in answer["error"]["message"]


def test_a_reader_that_takes_nothing_is_dropped(served: Served) -> None:
    slow, quick = raw(served.path), Link(served.path)
    slow.sendall(b'{"method": "watch", "params": {"topics": ["change"]}, "id": 1}\n')
    quick.ask("watch", topics=["change"])
    for number in range(40):
        served.publish("change", {"n": number, "text": "x" * 50000})
        assert next(quick.news(10.0))[1]["n"] == number
    wait_until(lambda: not served.server.is_watched("change") or len(served.server.read_fds) == 2, "the drop")
    assert quick.ask("double", n=1) == 2
    quick.close()


def test_what_is_not_watched_is_not_sent(served: Served) -> None:
    with Link(served.path) as link:
        link.ask("watch", topics=["change"])
        with pytest.raises(UserError, match="did you mean 'change'"):
            link.ask("watch", topics=["changes"])
        link.ask("watch", topics=[])
        served.publish("change", {})
        assert list(link.news(0.05)) == []


def test_more_clients_than_there_are_places_are_told_so(served: Served) -> None:
    links = [Link(served.path) for _ in range(MOST_CLIENTS)]
    assert [link.ask("double", n=1) for link in links] == [2] * MOST_CLIENTS
    with pytest.raises(UserError, match="too many programs"):
        Link(served.path).ask("double", n=1)
    links[0].close()

    def is_answered() -> bool:
        with Link(served.path) as link:
            try:
                return link.ask("double", n=1) == 2
            except UserError:  # the server may not have noticed yet that a client has left
                return False

    wait_until(is_answered, "a place")
    for link in links[1:]:
        link.close()


def test_a_client_that_has_said_all_still_gets_its_answers(served: Served) -> None:
    client = raw(served.path)
    client.sendall(b'{"method": "double", "params": {"n": 4}, "id": "a"}\n' * 3)
    client.shutdown(socket.SHUT_WR)
    assert all_of(client) == [{"jsonrpc": "2.0", "id": "a", "result": 8}] * 3


def test_a_living_server_keeps_its_socket_and_a_dead_one_s_is_taken_over(folder: Path) -> None:
    path = folder / "run" / "control"
    code = "import sys, time; from pathlib import Path; from runtime.link.server import Server\n"
    code += f"server = Server(Path({str(path)!r})); print('up', flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    with pytest.raises(BlockingIOError):
        Server(path)
    assert raw(path)
    process.kill()
    process.wait()
    assert path.exists()
    served = Served(path)
    with Link(path) as link:
        assert link.ask("double", n=1) == 2
    served.close()
    assert not path.exists()


def test_only_the_user_can_connect(served: Served, folder: Path) -> None:
    assert stat.S_IMODE(served.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(served.path.parent.stat().st_mode) == 0o700
    group = Server(folder / "group" / "control", group_may_connect=True)
    assert stat.S_IMODE(group.path.stat().st_mode) == 0o660
    group.close()


def test_the_socket_lies_where_the_system_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert place.own_socket() == folder / f"timbrebox-{os.getuid()}" / "control"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    assert place.own_socket().is_relative_to(folder)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert place.sockets() == [Path("/run/user/1/timbrebox/control"), Path("/run/timbrebox/control")]
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/timbrebox")
    assert place.sockets() == [Path("/run/timbrebox/control")]


def test_a_folder_that_is_a_trap_is_not_used(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "run").symlink_to(folder / "elsewhere")
    with pytest.raises(OSError, match="not a folder of this user"):
        Server(folder / "run" / "control")


def test_without_a_playing_program_there_is_one_clear_mistake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "SERVICE_SOCKET", folder / "service")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    with pytest.raises(UserError, match=r"nothing that plays.*\./timbrebox play"):
        connect()


# The real program


def test_the_playing_program_is_asked_and_moved(folder: Path) -> None:
    with LiveProgram(["--audio", "null", "--instrument", TINY], dict(os.environ), folder) as program:
        with Link(folder / "run" / "timbrebox" / "control") as link:
            state = link.ask("state")
            assert state["process"] == program.process_id
            assert state["instrument"]["name"] == "tiny"
            first = next(iter(state["sound"]["latents"]))
            assert state["positions"]["latent." + first] == state["sound"]["latents"][first]
            link.ask("move", target="latent.1", position=0.125)
            link.ask("move", target="phase_blend", position=0.75)
            wait_until(lambda: link.ask("state")["sound"]["phase_blend"] == 0.75, "the move")
            assert link.ask("state")["sound"]["latents"][first] == 0.125
            assert link.ask("action", name="panic") == {}
            for method, params, words in (
                ("move", {"target": "filter.cutof", "position": 0.5}, "did you mean 'filter.cutoff'"),
                ("move", {"target": "latent.99", "position": 0.5}, "does not have"),
                ("move", {"target": "panic", "position": 0.5}, "an action"),
                ("move", {"target": "width", "position": 1.5}, "<= 1.0"),
                ("action", {"name": "panik"}, "did you mean 'panic'"),
            ):
                with pytest.raises(UserError, match=words):
                    link.ask(method, **params)
        assert program.stop() == 0
        assert program.errors == ""


def test_a_second_play_says_that_the_first_has_the_link_and_takes_it_after_a_kill(folder: Path) -> None:
    arguments = ["--audio", "null", "--instrument", TINY]
    with LiveProgram(arguments, dict(os.environ), folder) as first:
        with LiveProgram(arguments, dict(os.environ), folder) as second:
            second.wait_for("Another play of yours has the link")
            assert second.stop() == 0
        with Link(folder / "run" / "timbrebox" / "control") as link:
            assert link.ask("state")["process"] == first.process_id
        first.kill()
        with LiveProgram(arguments, dict(os.environ), folder) as third:
            with Link(folder / "run" / "timbrebox" / "control") as link:
                assert link.ask("state")["process"] == third.process_id
            assert third.stop(signal.SIGINT) == 0
