"""Messages between the playing process and its companion: for each, its length in bytes, then its MessagePack."""

from __future__ import annotations

import socket
import struct
from typing import Any

import msgspec

from runtime.link.connection import Connection
from runtime.link.messages import Id, Message, Problem, Request

LONGEST_FRAME_BYTES = 16 * 2**20
MOST_UNSENT_BYTES = 64 * 2**20
_LENGTH = struct.Struct("<I")


class Frames(Connection):
    """A connection that sends and receives this module's messages in place of lines. Both ends are trusted."""

    def __init__(self, stream: socket.socket):
        super().__init__(stream, LONGEST_FRAME_BYTES + _LENGTH.size, MOST_UNSENT_BYTES)

    @property
    def has_line(self) -> bool:
        """Whether a complete message waits for `take_line`."""
        return len(self._received) >= _LENGTH.size and len(self._received) >= self._n_bytes()

    def take_line(self) -> bytes | None:
        """Remove and return the next complete message, or None."""
        if not self.has_line:
            return None
        end = self._n_bytes()
        content = bytes(memoryview(self._received)[_LENGTH.size : end])
        del self._received[:end]
        return content

    def put(self, message: Request | Message) -> None:
        """Send a message as soon as the socket allows; ValueError for a message that is too long."""
        content = msgspec.msgpack.encode(message)
        if len(content) > LONGEST_FRAME_BYTES:
            raise ValueError(f"a message of {len(content)} bytes; at most {LONGEST_FRAME_BYTES} can be sent")
        self.send(_LENGTH.pack(len(content)) + content)

    def _n_bytes(self) -> int:
        return _LENGTH.size + _LENGTH.unpack_from(self._received)[0]


def request(name: str, params: dict[str, Any], number: int | None) -> Request:
    """A request to the companion. number: the request's ID, or None for no answer."""
    return Request(name, msgspec.Raw(msgspec.msgpack.encode(params)), number)


def answer(number: Id, result: object) -> Message:
    """The answer to a request."""
    return Message(number, result)


def refusal(number: Id, problem: Problem) -> Message:
    """The answer to a refused request."""
    return Message(number, error=problem)


def news(name: str, params: dict[str, Any]) -> Message:
    """A message that the companion sends without a request."""
    return Message(method=name, params=params)
