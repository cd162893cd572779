"""Serves the open pages: passes their requests on to the playing process, and tells the pages what to show."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed

from runtime.base.errors import UserError
from runtime.control.targets import ACTIONS, RANGES
from runtime.link import messages
from runtime.link.messages import REFUSED, Request
from runtime.link.moves import Moves
from runtime.panel.access.trees import refuse_files
from runtime.panel.door import Connection
from runtime.panel.limits import (
    ALL_BURST,
    ALL_RATE,
    MOST_ANSWERING,
    MOST_ASKED,
    MOST_UNSENT_BYTES,
    PAGE_BURST,
    PAGE_RATE,
    Allowance,
)
from runtime.panel.playing.borrowed import borrow_ring
from runtime.panel.playing.held import HeldKeys, Played
from runtime.panel.playing.moves import MergedMoves
from runtime.panel.playing.painter import Painter
from runtime.panel.playing.play_link import PlayLink

CHANGE, METER, CONTROL, PICTURE = "change", "meter", "control", "picture"
# Requests that a page may send to the playing process. A sound in such a request must not name files.
ALLOWED = frozenset(
    "watch state move moves action note sound instrument save sounds.list sounds.rename sounds.copy "
    "sounds.delete sounds.undo sounds.read sounds.write sounds.path sounds.marks "
    "sounds.mark learn learn.undo unlearn silence targets devices velocity "
    "health history doctor doctor.start settings settings.choose powers power".split()
)


NOTHING = messages.news_line("play", None)


# A function that answers requests in this process, so that they are not passed on.
Own = Callable[[Connection, msgspec.Raw], object]


class _Sound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: str | None = None
    number: int | None = None
    tree: dict[str, Any] | None = None


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    tree: dict[str, Any]


class _Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The topics that a page watches, besides those that every page receives."""

    topics: tuple[Literal["control", "picture"], ...]


class _Page:
    def __init__(self, connection: Connection):
        self.connection = connection
        self.topics = {CHANGE, METER}
        self.asked: set[asyncio.Task[None]] = set()

    def send(self, line: bytes) -> None:
        """Send a line. If the page has left more than MOST_UNSENT_BYTES unread, disconnect it instead."""
        if self.connection.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            self.connection.transport.abort()
            return
        broadcast([self.connection], line.decode())

    def send_picture(self, picture: bytes) -> None:
        """Send a picture if the page has read all earlier messages."""
        if not self.connection.transport.get_write_buffer_size():
            broadcast([self.connection], picture)


# Requests whose answers every page gets when it connects.
PRESENT = ("state", "card", "instruments", "methods")


class Pages:
    """Serves all pages over one link, so that four pages cost the playing process no more than one page.

    hello: what the first message to every page says besides the targets and the actions.
    came: called each time the link comes up.
    ring: file descriptor of a SoundRing with the output's sound; None to borrow a ring from the playing process.
    keys: the piano keys that pages hold down.
    allowance: limits the messages of all pages.
    """

    def __init__(
        self,
        hello: dict[str, object] | None = None,
        came: Callable[[], object] = lambda: None,
        ring: int | None = None,
    ):
        self._painter, self._borrows = Painter(ring), ring is None
        self._borrowed: int | None = None
        self.link = PlayLink(self._came, self._went, self._news)
        self.keys, self._moves = HeldKeys(self.link), MergedMoves(self.link)
        self.allowance = Allowance(ALL_RATE, ALL_BURST)
        self._tell_of_link = came
        self._own: dict[str, Own] = {}
        self._pages: dict[Connection, _Page] = {}
        self._instrument: str | None = None
        self._watched: set[str] = set()
        self._looks: asyncio.Task[None] | None = None
        self._greets: asyncio.Task[bytes] | None = None
        self._answering = asyncio.Semaphore(MOST_ANSWERING)
        targets = {name: each._asdict() for name, each in RANGES.items()}
        self._hello = messages.news_line("hello", {"targets": targets, "actions": ACTIONS} | (hello or {}))

    @property
    def n_pages(self) -> int:
        return len(self._pages)

    @property
    def connections(self) -> list[Connection]:
        return list(self._pages)

    def add(self, method: str, handler: Own) -> None:
        """Answer requests with this name here, instead of passing them on.

        handler: called with the page's connection and the params as JSON; returns plain values, or raises UserError.
        """
        self._own[method] = handler

    async def serve(self, connection: Connection) -> None:
        """Serve a page until it disconnects; then release the keys that it holds."""
        page = self._pages[connection] = _Page(connection)
        try:
            page.send(self._hello)
            self._watch()
            page.send(await self._greeting())
            allowance = Allowance(PAGE_RATE, PAGE_BURST)
            async for line in connection:
                if (wait_s := max(allowance.take(), self.allowance.take())) > 0.0:
                    await asyncio.sleep(wait_s)  # nothing is read meanwhile, so the sender must wait, too
                await self._take(page, line)
        except ConnectionClosed:
            pass
        finally:
            del self._pages[connection]
            for task in page.asked:
                task.cancel()
            self.keys.let_go(page)
            self._watch()

    # --- from pages ---

    async def _take(self, page: _Page, line: str | bytes) -> None:
        """Handle a page's request. A malformed or refused request is answered with an error."""
        number = None
        try:
            request = msgspec.json.decode(line, type=Request)
            number = request.id
            if request.method in self._own:
                result = self._own[request.method](page.connection, request.params)
                page.send(messages.answer_line(number, result))
                return
            if request.method not in ALLOWED:
                raise UserError("request", repr(request.method[:100]), "a request that pages may send", "see docs")
            if request.method == "note":
                self._moves.flush()
                self.keys.play(page, msgspec.json.decode(request.params, type=Played))
            elif request.method == "watch":
                page.topics = {CHANGE, METER, *msgspec.json.decode(request.params, type=_Watch).topics}
                self._painter.begin_again()
                self._watch()
            elif request.method == "moves" and number is None:
                self._moves.take(msgspec.json.decode(request.params, type=Moves))
            elif number is None:
                self._moves.flush()
                self.link.tell(request.method, _checked(request))
            else:
                self._moves.flush()
                await self._answer_later(page, request)
        except UserError as error:
            page.send(messages.error_line(number, REFUSED, error))
        except messages.Failures as error:
            page.send(messages.error_line(number, messages.NOT_A_REQUEST, f"no request: {error}"))

    async def _answer_later(self, page: _Page, request: Request) -> None:
        while len(page.asked) >= MOST_ASKED:
            await asyncio.wait(page.asked, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._answer(page, request.id, request.method, _checked(request)))
        page.asked.add(task)
        task.add_done_callback(page.asked.discard)

    async def _answer(self, page: _Page, number: messages.Id, method: str, params: object) -> None:
        try:
            async with self._answering:
                result = await self.link.ask(method, params)
        except UserError as error:
            page.send(messages.error_line(number, REFUSED, error))
        else:
            if method == "sounds.read":  # no page needs the paths of files, so they are left out
                result = {name: said for name, said in result.items() if name not in ("file", "folder")}
            page.send(messages.answer_line(number, result))

    # --- from the playing process ---

    async def _came(self) -> None:
        self._watch()
        self._tell_of_link()
        self._greets = None  # one that began before the link came up may say that nothing plays
        self._tell(None, await self._greeting())
        if self._borrows:
            self._give_back()
            self._borrowed = await asyncio.to_thread(borrow_ring)
            self._painter.listen(self._borrowed)

    def _give_back(self) -> None:
        """Free the memory that a playing process lent, after that process has gone."""
        if self._borrowed is not None:
            self._painter.listen(None)
            os.close(self._borrowed)
            self._borrowed = None

    def _went(self) -> None:
        self._give_back()
        self._instrument, self._watched = None, set()
        self.keys.forget()
        self._tell(None, NOTHING)

    def _watch(self) -> None:
        """Watch only the topics that pages want, because the playing process spends time on each topic's news."""
        wanted = set().union(*(page.topics for page in self._pages.values()))
        if wanted != self._watched and self.link.is_up:
            self._watched = wanted
            self.link.tell("watch", {"topics": sorted(wanted)})

    def _news(self, topic: str, news: Any) -> None:
        if topic == PICTURE:
            self._show(self._painter.paint(news))
            return
        if topic == METER and self._instrument is not None and news["instrument"] != self._instrument:
            self._instrument = None
            self._looks = asyncio.create_task(self._look_again())
        self._tell(topic, messages.news_line(topic, news))

    def _show(self, picture: bytes | None) -> None:
        for page in list(self._pages.values()) if picture is not None else ():
            if PICTURE in page.topics:
                page.send_picture(picture)

    async def _look_again(self) -> None:
        self._tell(None, await self._greeting())

    async def _greeting(self) -> bytes:
        """The message for a page that connects; pages that connect while it is being made get the same message."""
        if self._greets is None or self._greets.done():
            self._greets = asyncio.create_task(self._greet())
        return await asyncio.shield(self._greets)

    async def _greet(self) -> bytes:
        try:
            answers = await asyncio.gather(*(self.link.ask(method, {}) for method in PRESENT))
        except UserError:
            return NOTHING
        present = dict(zip(PRESENT, answers, strict=True))
        self._instrument = present["card"]["instrument"]
        return messages.news_line("play", present)

    def _tell(self, topic: str | None, line: bytes) -> None:
        for page in list(self._pages.values()):
            if topic is None or topic in page.topics:
                page.send(line)


def _checked(request: Request) -> object:
    """Decode the params of a page's request. UserError or an error of msgspec if a page must not send such params."""
    kind = {"sound": _Sound, "sounds.write": _Written}.get(request.method)
    if kind is not None:
        given = msgspec.json.decode(request.params, type=kind)
        refuse_files(given.tree or {})
        return msgspec.to_builtins(given)
    return msgspec.json.decode(request.params, type=dict[str, Any])
