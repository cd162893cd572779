"""The page's link to the playing process, made again whenever it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from runtime.base.errors import UserError
from runtime.link import messages
from runtime.link.messages import Message, Problem
from runtime.link.place import sockets

AGAIN_S = 0.5
ANSWER_LIMIT_S = 15.0
_LONGEST_LINE_BYTES = 4 * 2**20
_MOST_UNSENT_BYTES = 2**20


class PlayLink:
    """Speaks with the playing process.

    came: called, and awaited, when a connection is made.
    went: called when a connection is lost.
    news: called with the topic and the plain values of each piece of news.
    """

    def __init__(
        self,
        came: Callable[[], Awaitable[object]],
        went: Callable[[], object],
        news: Callable[[str, Any], object],
    ):
        self._came, self._went, self._news = came, went, news
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ids = itertools.count(1)

    @property
    def is_up(self) -> bool:
        return self._writer is not None

    async def run(self) -> None:
        """Connect, handle received messages, and connect again, for ever."""
        while True:
            reader = await self._connect()
            if reader is not None:
                await self._serve(reader)
            await asyncio.sleep(AGAIN_S)

    async def ask(self, method: str, params: object) -> Any:
        """Send a request and return its answer. UserError if the request fails or is not answered, or nothing plays."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._send(method, params, number)
            return await asyncio.wait_for(answer, ANSWER_LIMIT_S)
        except TimeoutError:
            raise UserError("play", f"no answer to {method}", "an answer", "try again") from None
        finally:
            self._waiting.pop(number, None)

    def tell(self, method: str, params: object) -> None:
        """Send a request that needs no answer; UserError if nothing plays, or if the playing process reads nothing."""
        self._send(method, params, None)

    def _send(self, method: str, params: object, number: int | None) -> None:
        if self._writer is None:
            raise _gone()
        if self._writer.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            raise UserError("play", "a program that takes nothing", "one that answers", "wait, or start it again")
        self._writer.write(msgspec.json.encode({"method": method, "params": params, "id": number}) + b"\n")

    async def _connect(self) -> asyncio.StreamReader | None:
        for path in sockets():
            with contextlib.suppress(OSError):
                reader, self._writer = await asyncio.open_unix_connection(str(path), limit=_LONGEST_LINE_BYTES)
                return reader
        return None

    async def _serve(self, reader: asyncio.StreamReader) -> None:
        greeting = asyncio.create_task(self._greet())
        try:
            while line := await reader.readline():
                self._take(msgspec.json.decode(line, type=Message))
        except (OSError, *messages.Failures):
            pass
        finally:
            greeting.cancel()
            self._writer.close()
            self._writer = None
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(_gone())
            self._went()

    async def _greet(self) -> None:
        with contextlib.suppress(UserError):
            await self._came()

    def _take(self, message: Message) -> None:
        if message.method is not None:
            self._news(message.method, message.params)
            return
        answer = self._waiting.get(message.id)
        if answer is None or answer.done():
            return
        if message.error is not None:
            answer.set_exception(_refused(message.error))
        else:
            answer.set_result(message.result)


def _refused(problem: Problem) -> UserError:
    return messages.error_of(problem)


def _gone() -> UserError:
    return UserError("play", "nothing that plays", "a running play", "start it: ./timbrebox play")
