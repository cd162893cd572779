"""The link's client: with it, a command speaks to a playing process."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from runtime.base.errors import UserError
from runtime.link import messages
from runtime.link.place import sockets

LIMIT_S = 5.0
_RECEIVE_BYTES = 64 * 2**10


class Link:
    """A connection to a playing process; a context manager.

    path: the process's socket. OSError if no process listens there.
    """

    def __init__(self, path: Path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(LIMIT_S)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self.path = path
        self._received = bytearray()
        self._news: list[messages.Message] = []
        self._ids = itertools.count(1)

    def ask(self, method: str, /, *, limit_s: float = LIMIT_S, **params: object) -> Any:
        """Send a request, and return the answer.

        UserError if the request is refused, if no answer comes within `limit_s` seconds, or if the process has gone.
        """
        number, until_s = next(self._ids), time.monotonic() + limit_s
        try:
            self._socket.settimeout(limit_s)
            self._socket.sendall(messages.request_line(method, params, number))
        except OSError as error:
            raise self._gone(error) from None
        while (message := self._next(until_s)) is not None:
            if message.method is not None:
                self._news.append(message)
            elif message.error is not None and message.id in (number, None):
                raise messages.error_of(message.error)
            elif message.id == number:
                return message.result
        found = f"no answer to {method} within {limit_s:g} s"
        raise UserError(str(self.path), found, "an answer from the playing program", "try again, or start it again")

    def news(self, limit_s: float) -> Iterator[tuple[str, Any]]:
        """Yield news of watched topics, as (topic, plain values), until none has arrived for `limit_s` seconds."""
        while True:
            message = self._news.pop(0) if self._news else self._next(time.monotonic() + limit_s)
            if message is None:
                return
            if message.method is not None:
                yield message.method, message.params

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self, until_s: float) -> messages.Message | None:
        """Return the next message, or None if none arrives by `until_s`; UserError if the playing process has gone."""
        while (end := self._received.find(b"\n")) < 0:
            wait_s = until_s - time.monotonic()
            if wait_s <= 0.0:
                return None
            self._socket.settimeout(wait_s)
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except TimeoutError:
                return None
            except OSError as error:
                raise self._gone(error) from None
            if not data:
                raise self._gone("it has stopped")
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        try:
            return msgspec.json.decode(line, type=messages.Message)
        except messages.Failures as error:
            raise self._gone(error) from None

    def _gone(self, error: object) -> UserError:
        return UserError(str(self.path), f"no answer ({error})", "a running play", "start it again: ./timbrebox play")


def connect() -> Link:
    """A connection to the user's `play`, or else to the service; UserError if neither can be reached."""
    forbidden = None
    for path in sockets():
        try:
            return Link(path)
        except PermissionError:
            forbidden = path
        except OSError:
            continue
    if forbidden is not None:
        remedy = "join that group: sudo usermod -a -G audio $USER, then log in again"
        raise UserError(str(forbidden), "no permission to speak to it", "a user of the group audio", remedy)
    raise UserError("play", "nothing that plays", "a running play", "start it in another terminal: ./timbrebox play")


def connect_if_playing() -> Link | None:
    """As `connect`, but return None instead of raising UserError."""
    with contextlib.suppress(UserError):
        return connect()
    return None
