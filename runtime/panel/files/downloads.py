"""Offers files for download, each once and for one minute.

The page's server can only send answers that are in memory. So the connection is taken from the server, and the
operating system sends the file piece by piece.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import re
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Response

from runtime.base.errors import UserError
from runtime.panel.files.limits import MOST_DOWNLOADS, MOST_TICKETS, SLOWEST_CHUNK_S, TICKET_S

PREFIX = "/take/"
_PIECE_BYTES = 256 * 2**10
_KINDS = {".wav": "audio/wav", ".flac": "audio/flac", ".mid": "audio/midi", ".yaml": "application/yaml"}
_SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class _Ticket(NamedTuple):
    stream: BinaryIO
    name: str
    until_s: float
    then: Callable[[], object]


class Downloads:
    """The addresses that are still valid, and the files that are being sent."""

    def __init__(self) -> None:
        self._tickets: dict[str, _Ticket] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def offer(self, path: Path, name: str, then: Callable[[], object] = lambda: None) -> str:
        """Return an address at which a file can be downloaded once; UserError if the file cannot be opened.

        The file is opened now. It is sent even if `path` leads to another file later.

        name: the name under which a browser saves the file.
        then: called when the download has ended or the address is no longer valid.
        """
        try:
            stream = path.open("rb")
        except OSError as error:
            raise UserError(name, error.strerror or str(error), "a file that can be read", "try again") from None
        self._forget_old()
        while len(self._tickets) >= MOST_TICKETS:
            self._forget(next(iter(self._tickets)))
        token = secrets.token_urlsafe(24)
        self._tickets[token] = _Ticket(stream, name, time.monotonic() + TICKET_S, then)
        return PREFIX + token

    def answer(self, connection: ServerConnection, path: str) -> Response:
        """Start to send the file at this address, or return a refusal.

        To send, this takes the connection away from its server. The server then ignores the returned response.
        """
        self._forget_old()
        ticket = self._tickets.pop(path.removeprefix(PREFIX), None)
        if ticket is None:
            return _refusal(http.HTTPStatus.NOT_FOUND, b"This download is over. Start it again on the page.\n")
        if len(self._sending) >= MOST_DOWNLOADS:
            _end(ticket)
            return _refusal(http.HTTPStatus.SERVICE_UNAVAILABLE, b"Too many downloads at once.\n")
        stream = connection.transport.get_extra_info("socket").dup()
        stream.setblocking(False)
        connection.transport.abort()  # closes the server's own descriptor; the duplicate stays open
        task = asyncio.create_task(_send(stream, ticket))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return _refusal(http.HTTPStatus.OK, b"")

    def close(self) -> None:
        """End all downloads."""
        for task in self._sending:
            task.cancel()
        for token in list(self._tickets):
            self._forget(token)

    def _forget_old(self) -> None:
        now_s = time.monotonic()
        for token in [token for token, ticket in self._tickets.items() if ticket.until_s < now_s]:
            self._forget(token)

    def _forget(self, token: str) -> None:
        _end(self._tickets.pop(token))


def disposition(name: str) -> str:
    """The value of Content-Disposition for a file (RFC 6266); `name` may have any characters."""
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def _end(ticket: _Ticket) -> None:
    ticket.stream.close()
    ticket.then()


async def _send(stream: socket.socket, ticket: _Ticket) -> None:
    loop, file = asyncio.get_running_loop(), ticket.stream
    n_bytes, kind = file.seek(0, 2), _KINDS.get(Path(ticket.name).suffix, "application/octet-stream")
    fields = {"Content-Type": kind, "Content-Length": str(n_bytes), "Content-Disposition": disposition(ticket.name)}
    head = "".join(f"{name}: {value}\r\n" for name, value in (fields | _SAFETY).items())
    try:
        with contextlib.suppress(OSError, TimeoutError):
            await loop.sock_sendall(stream, f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())
            sent = 0
            while sent < n_bytes:
                count = min(_PIECE_BYTES, n_bytes - sent)
                sending = loop.sock_sendfile(stream, file, sent, count)
                n_sent = await asyncio.wait_for(sending, SLOWEST_CHUNK_S)
                if not n_sent:
                    break  # shorter than announced
                sent += n_sent
            stream.shutdown(socket.SHUT_WR)
    finally:
        stream.close()
        _end(ticket)


def _refusal(status: http.HTTPStatus, content: bytes) -> Response:
    fields = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(content))}
    return Response(status, status.phrase, Headers(fields | _SAFETY), content)
