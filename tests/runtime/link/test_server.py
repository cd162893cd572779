"""The link's server without a thread: the test calls `serve`."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

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
