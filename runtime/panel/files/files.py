"""Serves the section "Take it with you" of every page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from runtime.base.errors import UserError
from runtime.link import messages
from runtime.link.messages import REFUSED, NoParams, Request
from runtime.panel.files.downloads import Downloads
from runtime.panel.files.limits import (
    CHUNK_BYTES,
    LARGEST_BYTES,
    MOST_CONNECTIONS,
    REQUEST_BURST,
    REQUEST_RATE,
    SLOWEST_CHUNK_S,
    WINDOW_BYTES,
)
from runtime.panel.files.recordings import Recordings
from runtime.panel.files.requests import Requests
from runtime.panel.files.uploads import Announced, Upload
from runtime.panel.files.work import Ask, Work
from runtime.panel.limits import MOST_UNSENT_BYTES, Allowance

SOCKET_PATH = "/files"
_MOST_ASKED = 8
_WRONG_MESSAGE, _TRY_AGAIN = 1003, 1013  # close codes: RFC 6455, section 7.4.1, and IANA's registry


class _Part:
    """A page's connection.

    upload: the upload that is under way, after its announcement; None without an upload.
    asked: the tasks that answer the page's requests.
    n_told: how many bytes of the upload have been received, as the page was last told.
    """

    def __init__(self, connection: ServerConnection):
        self.connection = connection
        self.upload: tuple[Announced, Upload] | None = None
        self.asked: set[asyncio.Task[None]] = set()
        self.n_told = 0

    def send(self, line: bytes) -> None:
        """Send a line. If more than MOST_UNSENT_BYTES wait for the page to read them, disconnect it instead."""
        if self.connection.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            self.connection.transport.abort()
            return
        broadcast([self.connection], line.decode())


class Files:
    """Serves the WebSockets over which pages send and get files. ask: sends a request to the playing process."""

    def __init__(self, ask: Ask):
        self.downloads, self._recordings = Downloads(), Recordings()
        self._work = Work(ask, self._tell)
        self._parts: list[_Part] = []
        self._requests = Requests(ask, self._tell, self._work, self._recordings, self.downloads)
        self._handlers = self._requests.handlers | {"cancel": (NoParams, self._cancel)}

    async def serve(self, connection: ServerConnection) -> None:
        """Serve a connection until it closes; an unfinished upload is discarded."""
        if len(self._parts) >= MOST_CONNECTIONS:
            await connection.close(_TRY_AGAIN, "too many pages")
            return
        part, allowance = _Part(connection), Allowance(REQUEST_RATE, REQUEST_BURST)
        self._parts.append(part)
        try:
            part.send(messages.news_line("limits", {"chunk": CHUNK_BYTES, "window": WINDOW_BYTES, **LARGEST_BYTES}))
            self._work.updates.watch()
            part.send(self._news())
            while True:
                message = await asyncio.wait_for(connection.recv(), SLOWEST_CHUNK_S if part.upload else None)
                if isinstance(message, bytes):
                    await self._take_piece(part, message)
                else:
                    await asyncio.sleep(allowance.take())
                    await self._take_request(part, message)
        except (ConnectionClosed, TimeoutError):
            pass
        finally:
            self._parts.remove(part)
            self._end_upload(part)
            for task in part.asked:
                task.cancel()

    @property
    def connections(self) -> list[ServerConnection]:
        return [part.connection for part in self._parts]

    def close(self) -> None:
        """End all work, and remove all temporary files."""
        self.downloads.close()
        self._work.close()
        self._recordings.close()

    # --- messages from pages ---

    async def _take_request(self, part: _Part, line: str) -> None:
        number = None
        try:
            request = msgspec.json.decode(line, type=Request)
            number = request.id
            if request.method == "send":
                self._begin_upload(part, msgspec.json.decode(request.params, type=Announced))
                part.send(messages.answer_line(number, {}))
                return
            if request.method not in self._handlers:
                raise UserError("request", repr(request.method[:100]), "a request that pages may send", "see docs")
            kind, handler = self._handlers[request.method]
            params = msgspec.json.decode(request.params, type=kind)
        except UserError as error:
            part.send(messages.error_line(number, REFUSED, error))
        except messages.Failures as error:
            part.send(messages.error_line(number, messages.NOT_A_REQUEST, f"no request: {error}"))
        else:
            while len(part.asked) >= _MOST_ASKED:
                await asyncio.wait(part.asked, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._answer(part, number, handler, params))
            part.asked.add(task)
            task.add_done_callback(part.asked.discard)

    async def _answer(
        self, part: _Part, number: messages.Id, handler: Callable[[Any], Awaitable[object]], params: object
    ) -> None:
        try:
            part.send(messages.answer_line(number, await handler(params)))
        except UserError as error:
            part.send(messages.error_line(number, REFUSED, error))
        except Exception as error:  # a bug in one request must not end the others
            part.send(messages.error_line(number, messages.OUR_FAILURE, f"{type(error).__name__}: {error}"))

    def _begin_upload(self, part: _Part, announced: Announced) -> None:
        part.upload, part.n_told = (announced, self._work.begin(announced)), 0

    async def _take_piece(self, part: _Part, piece: bytes) -> None:
        if part.upload is None:
            await part.connection.close(_WRONG_MESSAGE, "nothing was announced")
            return
        announced, upload = part.upload
        try:
            await upload.take(piece)
        except UserError as error:
            self._end_upload(part, error)
            await part.connection.close(_WRONG_MESSAGE, "refused")
            return
        if upload.is_whole:
            part.upload = None
            upload.close()
            self._work.came_in(announced, upload)
        if upload.is_whole or upload.n_taken - part.n_told >= WINDOW_BYTES // 4:
            part.n_told = upload.n_taken
            part.send(messages.news_line("got", upload.n_taken))

    def _end_upload(self, part: _Part, error: UserError | None = None) -> None:
        if part.upload is not None:
            (_, upload), part.upload = part.upload, None
            upload.close()
            self._work.broke_off(upload, error)

    async def _cancel(self, _params: NoParams) -> object:
        for part in self._parts:
            if part.upload is not None:
                self._end_upload(part)
                await part.connection.close(_WRONG_MESSAGE, "cancelled")
        self._work.cancel()
        return {}

    # --- news ---

    def _news(self) -> bytes:
        return messages.news_line("files", self._work.facts | {"is_trying": self._requests.is_trying})

    def _tell(self) -> None:
        line = self._news()
        for part in list(self._parts):
            part.send(line)
