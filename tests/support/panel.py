"""A running `play` with its page, and a client that acts as a browser."""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from runtime.link.client import Link
from tests.support.rig import LiveProgram, wait_until

_LIMIT_S = 20.0


class Playing(LiveProgram):
    """A `LiveProgram` that waits until its page is served.

    url, port: the page's address and port.
    """

    def __enter__(self) -> Playing:
        super().__enter__()
        self.url = self.wait_for("PANEL http").split()[1]
        self.port = urlsplit(self.url).port
        return self

    def page(self, **options: object) -> Page:
        return Page(connect(f"ws://127.0.0.1:{self.port}/ws", **options))

    def link(self) -> Link:
        return Link(Path(self.env["XDG_RUNTIME_DIR"]) / "timbrebox" / "control")

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_LIMIT_S)
        try:
            connection.request(method, path, headers={"Host": f"127.0.0.1:{self.port}", **headers})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def panel_process(self) -> int | None:
        """Process ID of the page's process, a child of `play`; None if there is none."""
        children = Path(f"/proc/{self.process_id}/task/{self.process_id}/children").read_text().split()
        found = [pid for pid in children if b"\0panel\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return int(found[0]) if found else None


class Page:
    """The WebSocket as a page uses it.

    present: the params of the first message that says what plays.
    """

    def __init__(self, connecting: connect):
        self._connecting, self._ids = connecting, itertools.count(1)
        self.socket: ClientConnection
        self.present: dict[str, Any] = {}

    def __enter__(self) -> Page:
        self.socket = self._connecting.__enter__()
        self.hello = self.wait("hello")
        self.present = self.wait("play", bool)
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def tell(self, method: str, **params: object) -> None:
        self.socket.send(json.dumps({"method": method, "params": params}))

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Send a request; returns the whole answer, which contains a result or an error."""
        number = next(self._ids)
        self.socket.send(json.dumps({"method": method, "params": params, "id": number}))
        return self._next(lambda message: message.get("id") == number)

    def wait(self, topic: str, is_right: Callable[[Any], object] = lambda _params: True) -> Any:
        """The params of a topic's next message for which `is_right` is true."""
        return self._next(lambda message: message.get("method") == topic and is_right(message["params"]))["params"]

    def voices(self, n: int) -> None:
        self.wait("meter", lambda meter: meter["voices"] == n)

    def _next(self, is_right: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        deadline_s = time.monotonic() + _LIMIT_S
        while time.monotonic() < deadline_s:
            message = json.loads(self.socket.recv(_LIMIT_S))
            if is_right(message):
                return message
        raise AssertionError("the message that was waited for did not come")


def voices(link: Link) -> int:
    return _meter(link)["voices"]


def name_of_sound(link: Link) -> str | None:
    return _meter(link)["sound"]


def wait_for_voices(link: Link, n_voices: int) -> None:
    wait_until(lambda: voices(link) == n_voices, f"{n_voices} voices")


def _meter(link: Link) -> dict[str, Any]:
    link.ask("watch", topics=["meter"])
    _, meter = next(link.news(5.0))
    link.ask("watch", topics=[])
    return meter
