"""The link's server without a thread: the test calls `serve`."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from runtime.link.connection import Connection
from runtime.link.server import Server


def test_a_client_that_leaves_just_before_news_is_dropped_and_never_waited_for() -> None:
    gone: list[object] = []
    with tempfile.TemporaryDirectory(prefix="tb-") as folder:
        server = Server(Path(folder) / "control", ("change",))
        server.on_gone(gone.append)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(server.path))
            client.sendall(b'{"method": "watch", "params": {"topics": ["change"]}, "id": 1}\n')
            server.serve()
            server.serve()
            assert server.is_watched("change")
        server.publish("change", {"n": 1})  # the server learns only now that the client has left
        assert min([*server.read_fds, *server.write_fds]) >= 0
        assert server.is_behind
        server.serve()
        assert (len(gone), server.is_behind, server.is_watched("change")) == (1, False, False)
        server.close()


def test_a_client_that_is_told_to_go_and_stays_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.link.connection._LONGEST_FAREWELL_S", 0.0)
    gone: list[object] = []
    with tempfile.TemporaryDirectory(prefix="tb-") as folder, socket.socket(socket.AF_UNIX) as client:
        server = Server(Path(folder) / "control", ())
        server.on_gone(gone.append)
        client.connect(str(server.path))
        client.sendall(b"no request\n")
        for _ in range(3):
            server.serve(server.read_fds)
            server.serve(())  # nothing comes from the client any more
        assert len(gone) == 1
        assert b"no request" in client.recv(1000)
        server.close()


def test_what_waits_is_still_sent_to_a_client_that_is_told_to_go() -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    connection, line = Connection(ours, 100, 2**24), b"x" * 2**22 + b"\n"
    connection.send(line)
    assert connection.has_unsent
    connection.leave()
    connection.send(b"too late\n")
    theirs.shutdown(socket.SHUT_WR)
    connection.receive()
    assert connection.has_ended
    received = b""
    while part := theirs.recv(2**20):
        received += part
        connection.flush()
    assert received == line
    connection.close()
    theirs.close()
