"""Serves the page's files and its WebSocket, until the playing process has gone or a signal comes."""

from __future__ import annotations

import asyncio
import http
import logging
import os
import signal
import socket

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from runtime.panel.assets import SAFETY, load_assets, policy
from runtime.panel.limits import (
    LONGEST_MESSAGE_BYTES,
    MOST_CONNECTIONS,
    MOST_PAGES,
    is_own_origin,
    own_hosts,
)
from runtime.panel.pages import Pages

SOCKET_PATH = "/ws"
_OPEN_LIMIT_S, _PING_S, _PONG_LIMIT_S = 5.0, 5.0, 10.0


def run(listener: socket.socket, parent: int | None, ring: int | None = None) -> None:
    """Serve the page on this socket.

    ring: descriptor of a SoundRing with what is heard; None: there is none.
    parent: a file descriptor that ends when the playing process does; None: serve until SIGINT, SIGTERM or SIGHUP.
    """
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # a stranger's bad request is no news for the user
    asyncio.run(_serve(listener, parent, ring))


class _Door:
    """Lets requests for the page's own files and its WebSocket in, and nothing else."""

    def __init__(self, pages: Pages, port: int):
        self._pages, self._hosts, self._assets = pages, own_hosts(port), load_assets()

    def answer(self, _connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a request; None if it may open a WebSocket."""
        hosts = request.headers.get_all("Host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return _response(http.HTTPStatus.MISDIRECTED_REQUEST, b"This page has another address.\n")
        path = request.path.split("?")[0]
        if path == SOCKET_PATH:
            return self._refusal(request)
        asset = self._assets.get(path)
        if asset is None:
            return _response(http.HTTPStatus.NOT_FOUND, b"There is no such file.\n")
        more = {"ETag": asset.tag, "Cache-Control": "no-cache", "Content-Security-Policy": policy(hosts[0])}
        if request.headers.get("If-None-Match") == asset.tag:
            return _response(http.HTTPStatus.NOT_MODIFIED, b"", asset.kind, more)
        return _response(http.HTTPStatus.OK, asset.content, asset.kind, more)

    def _refusal(self, request: Request) -> Response | None:
        origins = request.headers.get_all("Origin") or [None]
        if len(origins) != 1 or not is_own_origin(origins[0], self._hosts):
            return _response(http.HTTPStatus.FORBIDDEN, b"Another site's page may not speak to this one.\n")
        if self._pages.n_pages >= MOST_PAGES:
            return _response(http.HTTPStatus.SERVICE_UNAVAILABLE, b"Too many pages are open.\n")
        return None


class _Connection(ServerConnection):
    """A connection, closed at once if there are too many; n_open: how many there are."""

    n_open = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        _Connection.n_open += 1
        super().connection_made(transport)
        if _Connection.n_open > MOST_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        _Connection.n_open -= 1
        super().connection_lost(exc)


async def _serve(listener: socket.socket, parent: int | None, ring: int | None) -> None:
    pages, ends = Pages(ring), asyncio.Event()
    _end_with(ends, parent)
    door = _Door(pages, listener.getsockname()[1])
    limits = {"max_size": LONGEST_MESSAGE_BYTES, "max_queue": 16, "compression": None, "server_header": None}
    times = {"open_timeout": _OPEN_LIMIT_S, "ping_interval": _PING_S, "ping_timeout": _PONG_LIMIT_S}
    server: Server
    async with serve(
        pages.serve, sock=listener, process_request=door.answer, create_connection=_Connection, close_timeout=1.0,
        **limits, **times,
    ) as server:  # fmt: skip
        speaks = asyncio.create_task(pages.link.run())
        await ends.wait()
        speaks.cancel()
        server.close(code=1001)


def _end_with(ends: asyncio.Event, parent: int | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if parent is None:
            loop.add_signal_handler(number, ends.set)
        elif number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)  # a signal for the whole group: the playing process decides
    if parent is not None:
        os.set_blocking(parent, False)
        loop.add_reader(parent, lambda: _has_ended(parent) and ends.set())


def _has_ended(descriptor: int) -> bool:
    try:
        return os.read(descriptor, 4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _response(
    status: http.HTTPStatus, content: bytes, kind: str = "text/plain; charset=utf-8", more: dict[str, str] | None = None
) -> Response:
    fields = {"Content-Type": kind, "Content-Length": str(len(content)), "Connection": "close"}
    return Response(status, status.phrase, Headers(fields | SAFETY | (more or {})), content)
