"""Serves the section "Take it with you" of every page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
import yaml
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from runtime.base.errors import UserError
from runtime.link import messages
from runtime.link.messages import LONGEST_LINE_BYTES, REFUSED, Request
from runtime.link.recording import Record
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
from runtime.panel.files.uploads import Announced, Upload
from runtime.panel.files.work import Ask, Work
from runtime.panel.limits import MOST_UNSENT_BYTES, Allowance

SOCKET_PATH = "/files"
_MOST_ASKED = 8
_WRONG_MESSAGE, _TRY_AGAIN = 1003, 1013  # close codes: RFC 6455, section 7.4.1, and IANA's registry
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No params."""


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: _Name


class _Numbered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A candidate's number, from 0. A candidate is a sound that `encode` found for a recording."""

    number: int


class _Keep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    name: _Name


class _Take(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to download.

    suffix: for a recording, the suffix of the file to take, such as .wav.
    number: for a preview, its number, from 0.
    """

    what: Literal["recording", "piece", "sound", "preview"]
    name: str = ""
    suffix: str = ""
    number: int = 0


class _Make(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: _Name
    minutes: Annotated[int, msgspec.Meta(ge=1, le=60)] | None = None


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
        self._ask = ask
        self.downloads, self._recordings = Downloads(), Recordings()
        self._work = Work(ask, self._tell)
        self._parts: list[_Part] = []
        # The sound that played before the first candidate: its tree, and the folder of the files that the tree names.
        self._before: tuple[dict[str, Any], str | None] | None = None
        self._requests: dict[str, tuple[type, Callable[[Any], Awaitable[object]]]] = {
            "recordings": (_Nothing, self._list),
            "recordings.delete": (_Named, self._delete),
            "recordings.undo": (_Nothing, self._undo),
            "record": (Record, self._record),
            "take": (_Take, self._take),
            "cancel": (_Nothing, self._cancel),
            "hear": (_Numbered, self._hear),
            "back": (_Nothing, self._back),
            "keep": (_Keep, self._keep),
            "make": (_Make, self._make),
            "forget": (_Nothing, self._forget),
        }

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
            if request.method not in self._requests:
                raise UserError("request", repr(request.method[:100]), "a request that pages may send", "see docs")
            kind, handler = self._requests[request.method]
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

    # --- requests ---

    async def _list(self, _params: _Nothing) -> object:
        return self._recordings.rows()

    async def _delete(self, params: _Named) -> object:
        self._recordings.delete(params.name)
        self._tell()
        return {}

    async def _undo(self, _params: _Nothing) -> object:
        name = self._recordings.undo()
        self._tell()
        return {"name": name}

    async def _record(self, params: Record) -> object:
        asked = {"do": "stop"} if params.do == "stop" else msgspec.to_builtins(params)
        facts = await self._ask("record", asked)
        self._tell()
        return {"duration_s": facts.get("duration_s", 0.0), "problem": facts.get("problem")}

    async def _take(self, params: _Take) -> object:
        downloads = self.downloads
        if params.what == "piece":
            path, name = self._work.piece()
            return {"path": downloads.offer(path, name)}
        if params.what == "preview":
            path = self._work.making.preview(params.number)
            return {"path": downloads.offer(path, path.name)}
        if params.what == "recording":
            path = self._recordings.path(params.name, params.suffix)
            return {"path": downloads.offer(path, path.name)}
        tree = (await self._ask("sounds.read", {"name": params.name}))["tree"]
        if _has_files(tree):
            path, suffix = await self._work.packed(params.name), ".timbrebox"
        else:
            path = self._work.text_file(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
            suffix = ".yaml"
        return {"path": downloads.offer(path, params.name + suffix, lambda: path.unlink(missing_ok=True))}

    async def _cancel(self, _params: _Nothing) -> object:
        for part in self._parts:
            if part.upload is not None:
                self._end_upload(part)
                await part.connection.close(_WRONG_MESSAGE, "cancelled")
        self._work.cancel()
        return {}

    async def _hear(self, params: _Numbered) -> object:
        """Play a candidate. Before the first candidate, remember the sound that plays, for `_back`."""
        tree = self._work.candidate(params.number)
        if len(msgspec.json.encode(tree)) > LONGEST_LINE_BYTES - 2**10:
            raise UserError("candidate", "a very long sound", "one that can be tried", "keep it, then choose it")
        if self._before is None:
            state = (await self._ask("present", {}))["state"]
            if state["sound"].get("parts"):
                raise UserError("candidate", "a sound with parts that plays", "one without", "choose another sound")
            self._before = state["sound"], state["folder"]
        played = await self._ask("sound", {"tree": tree})
        self._tell()
        return played

    async def _back(self, _params: _Nothing) -> object:
        if self._before is None:
            raise UserError("back", "no sound before", "a candidate that was heard", "hear one")
        (tree, folder), self._before = self._before, None
        self._tell()
        return await self._ask("sound", {"tree": tree, "folder": folder})

    async def _keep(self, params: _Keep) -> object:
        name = await self._work.keep(params.number, params.name)
        with contextlib.suppress(UserError):
            await self._ask("sound", {"name": name})
        self._before = None
        self._tell()
        return {"name": name}

    async def _make(self, params: _Make) -> object:
        await self._work.make(params.name, params.minutes)
        return {}

    async def _forget(self, _params: _Nothing) -> object:
        self._work.forget_taught()
        return {}

    # --- news ---

    def _news(self) -> bytes:
        return messages.news_line("files", self._work.facts | {"is_trying": self._before is not None})

    def _tell(self) -> None:
        line = self._news()
        for part in list(self._parts):
            part.send(line)


def _has_files(tree: dict[str, Any]) -> bool:
    uses = tree.get("trajectory") or []
    return any("file" in use for use in ([uses] if isinstance(uses, dict) else uses))
