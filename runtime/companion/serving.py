"""The companion's loop."""

from __future__ import annotations

import math
import select
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from runtime.base.errors import UserError
from runtime.companion import frames
from runtime.companion.frames import Frames
from runtime.link.messages import OUR_FAILURE, REFUSED, Failures, Problem, Request, problem_of

Handler = Callable[[Any], object]


class _Handled(NamedTuple):
    params: type
    handler: Handler


class Companion:
    """Answers the playing process's requests in the companion.

    To add a kind of work, register functions: with `add` those that answer its requests, with `every` those that are
    called regularly, and with `at_end` those that are called last.
    """

    def __init__(self, stream: socket.socket):
        self._frames = Frames(stream)
        self._handlers: dict[str, _Handled] = {}
        self._routines: list[Callable[[], float]] = []
        self._endings: list[Callable[[], object]] = []

    def add(self, name: str, params: type, handler: Handler) -> None:
        """Answer requests of this name.

        params: the type of the request's params, a subclass of msgspec.Struct.
        handler: called with the params. It returns the answer as plain values or bytes, or raises UserError to refuse.
        """
        self._handlers[name] = _Handled(params, handler)

    def every(self, routine: Callable[[], float]) -> None:
        """Call a function regularly.

        It is called after each message. It returns the number of seconds after which it is called again at the latest.
        """
        self._routines.append(routine)

    def at_end(self, ending: Callable[[], object]) -> None:
        """Call a function when the playing process has ended."""
        self._endings.append(ending)

    def say(self, line: str) -> None:
        """Let the playing process print a line for the user."""
        self.tell("say", line=line)

    def tell(self, name: str, /, **params: object) -> None:
        """Send the playing process a message that it did not ask for."""
        self._frames.put(frames.news(name, params))

    def run(self) -> None:
        """Serve until the playing process ends, then call the functions given to `at_end`."""
        while self._frames.is_open and not (self._frames.has_ended and not self._frames.has_line):
            self._work()
        for ending in self._endings:
            ending()

    def _work(self) -> None:
        wait_s = min([routine() for routine in self._routines], default=math.inf)
        # Check `can_receive`: a routine may have tried to send a message, and a failure closes the connection.
        if not self._frames.has_line and self._frames.can_receive:
            unsent = [self._frames] if self._frames.has_unsent else []
            select.select([self._frames], unsent, [], None if wait_s == math.inf else wait_s)
        self._frames.flush()
        self._frames.receive()
        content = self._frames.take_line()
        if content is not None:
            self._handle(msgspec.msgpack.decode(content, type=Request))

    def _handle(self, request: Request) -> None:
        try:
            message = frames.answer(request.id, self._call(request))
        except UserError as error:
            message = frames.refusal(request.id, problem_of(REFUSED, error))
        except Exception as error:  # a bug in one handler must not stop the others
            said = f"{request.method}: {type(error).__name__}: {error}"
            message = frames.refusal(request.id, Problem(OUR_FAILURE, said))
        if request.id is not None:
            self._frames.put(message)
        elif message.error is not None:
            self.say(message.error.message)

    def _call(self, request: Request) -> object:
        handled = self._handlers.get(request.method)
        if handled is None:
            raise UserError("companion", repr(request.method), "a request that it knows", "start play again")
        try:
            params = msgspec.msgpack.decode(request.params, type=handled.params)
        except Failures as error:
            raise UserError(f"companion, {request.method}", str(error), "other params", "start play again") from None
        return handled.handler(params)
