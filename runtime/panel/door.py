"""The door: decides which requests get a file or a WebSocket, and which are refused."""

from __future__ import annotations

import asyncio
import http
import re
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from runtime.panel.access.devices import LONGEST_ABSENCE_S, Device
from runtime.panel.access.names import OwnNames, is_here, sender
from runtime.panel.access.pairing import Pairing, TooSoonError
from runtime.panel.assets import SAFETY, load_assets, policy
from runtime.panel.limits import MOST_CONNECTIONS, MOST_OF_SENDER, MOST_PAGES

SOCKET_PATH, PAIR_PATH, PAIR_PAGE = "/ws", "/pair", "/pair.html"
CODE_HEADER = "Timbrebox-Code"
# An unpaired device may read these files.
_OPEN = frozenset((PAIR_PAGE, "/pair.js", "/pair.css", "/style.css", "/words.js", "/icon.svg"))
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}")


class Connection(ServerConnection):
    """A browser's connection.

    device: the device at the other end if it is paired, else None. A browser on this machine needs no pairing.
    """

    device: Device | None = None
    _n_open: ClassVar[Counter[str]] = Counter()  # open connections, by sender

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Store this connection's addresses and count the connection; called by asyncio.

        The connection is aborted if there are too many connections, or if the sender's address is unknown.
        """
        self.peer = (transport.get_extra_info("peername") or ("",))[0]
        self.arrived_at = (transport.get_extra_info("sockname") or ("",))[0]
        self._sender = sender(self.peer) if self.peer else ""
        self._n_open[self._sender] += 1
        super().connection_made(transport)
        is_greedy = self._n_open[self._sender] > MOST_OF_SENDER and not (self.peer and is_here(self.peer))
        if not self.peer or is_greedy or self._n_open.total() > MOST_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting this connection; called by asyncio."""
        self._n_open[self._sender] -= 1
        if not self._n_open[self._sender]:
            del self._n_open[self._sender]
        super().connection_lost(exc)


class Door:
    """Admits requests for the page's files, its downloads and its WebSockets, and refuses all others.

    pairing: admits devices in the network.
    n_pages: returns how many pages are open.
    """

    def __init__(self, names: OwnNames, pairing: Pairing, n_pages: Callable[[], int], port: int):
        self._names, self._pairing, self._n_pages = names, pairing, n_pages
        # Browsers send a cookie to all ports of a host. So the cookie's name contains the port.
        self._cookie = f"timbrebox-{port}"
        self._assets = load_assets()
        self._sockets = {SOCKET_PATH}
        self._folders: dict[str, Callable[[Connection, str], Response]] = {}

    def add_socket(self, path: str) -> None:
        """Let pages also open a WebSocket at this path."""
        self._sockets.add(path)

    def add_folder(self, prefix: str, answer: Callable[[Connection, str], Response]) -> None:
        """Let a function answer the admitted requests whose paths begin with `prefix`.

        answer: this function; called with the connection and the path.
        """
        self._folders[prefix] = answer

    def answer(self, connection: Connection, request: Request) -> Response | None:
        """The answer to a request; None if the request may open a WebSocket."""
        hosts = request.headers.get_all("Host")
        if len(hosts) != 1 or not self._names.is_own(hosts[0], connection.arrived_at):
            return response(http.HTTPStatus.MISDIRECTED_REQUEST, b"This page has another address.\n")
        path = request.path.split("?")[0]
        token = self._token(request)
        connection.device = None if token is None else self._pairing.devices.find(token)
        is_let_in = is_here(connection.peer) or connection.device is not None
        if path == PAIR_PATH:
            return self._pair(connection, request, is_let_in)
        if path in self._sockets:
            return self._refusal(connection, request, is_let_in)
        if not is_let_in:
            path = PAIR_PAGE if path in ("/", "/index.html") else path
            if path not in _OPEN:
                return response(http.HTTPStatus.FORBIDDEN, b"This device is not paired.\n")
        for prefix, of_folder in self._folders.items():
            if path.startswith(prefix):
                return of_folder(connection, path)
        answer = self._file(path, request, hosts[0])
        if path == "/" and connection.device is not None:
            answer.headers["Set-Cookie"] = self._cookie_with(token)  # renews the cookie, which otherwise expires
        return answer

    def _file(self, path: str, request: Request, host: str) -> Response:
        asset = self._assets.get(path)
        if asset is None:
            return response(http.HTTPStatus.NOT_FOUND, b"There is no such file.\n")
        more = {"ETag": asset.tag, "Cache-Control": "no-cache", "Content-Security-Policy": policy(host)}
        more["Vary"] = "Accept-Encoding"
        if request.headers.get("If-None-Match") == asset.tag:
            return response(http.HTTPStatus.NOT_MODIFIED, b"", asset.kind, more)
        if _takes_gzip(request):
            more["Content-Encoding"] = "gzip"
            return response(http.HTTPStatus.OK, asset.packed, asset.kind, more)
        return response(http.HTTPStatus.OK, asset.content, asset.kind, more)

    def _refusal(self, connection: Connection, request: Request, is_let_in: bool) -> Response | None:
        if not self._is_own_page(connection, request):
            return response(http.HTTPStatus.FORBIDDEN, b"Another site's page may not speak to this one.\n")
        if not is_let_in:
            return response(http.HTTPStatus.FORBIDDEN, b"This device is not paired.\n")
        if self._n_pages() >= MOST_PAGES:
            return response(http.HTTPStatus.SERVICE_UNAVAILABLE, b"Too many pages are open.\n")
        return None

    def _pair(self, connection: Connection, request: Request, is_let_in: bool) -> Response:
        """Pair a device that sends the right code in a header. Browsers let no page of another site send it."""
        codes = request.headers.get_all(CODE_HEADER)
        if is_let_in:
            return response(http.HTTPStatus.NO_CONTENT)
        if len(codes) != 1 or not self._is_own_page(connection, request):
            return response(http.HTTPStatus.FORBIDDEN, b"This device is not paired.\n")
        try:
            paired = self._pairing.guess(codes[0], connection.peer, " ".join(request.headers.get_all("User-Agent")))
        except TooSoonError as error:
            wait = {"Retry-After": str(int(error.wait_s) + 1)}
            return response(http.HTTPStatus.TOO_MANY_REQUESTS, b"Too many guesses.\n", more=wait)
        if paired is None:
            return response(http.HTTPStatus.FORBIDDEN, b"That is not the code.\n")
        return response(http.HTTPStatus.NO_CONTENT, more={"Set-Cookie": self._cookie_with(paired[1])})

    def _is_own_page(self, connection: Connection, request: Request) -> bool:
        origins = request.headers.get_all("Origin") or [None]
        return len(origins) == 1 and self._names.is_own_origin(origins[0], connection.arrived_at)

    def _token(self, request: Request) -> str | None:
        for line in request.headers.get_all("Cookie"):
            for part in line.split(";"):
                name, _, value = part.strip().partition("=")
                if name == self._cookie and _TOKEN.fullmatch(value):
                    return value
        return None

    def _cookie_with(self, token: str) -> str:
        age_s = int(LONGEST_ABSENCE_S)
        return f"{self._cookie}={token}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict"


def _takes_gzip(request: Request) -> bool:
    """Whether the header Accept-Encoding lists `gzip` without a weight. (`gzip;q=0`, for example, refuses gzip.)"""
    accepted = ",".join(request.headers.get_all("Accept-Encoding")).split(",")
    return "gzip" in (coding.strip().lower() for coding in accepted)


def response(
    status: http.HTTPStatus,
    content: bytes = b"",
    kind: str = "text/plain; charset=utf-8",
    more: dict[str, str] | None = None,
) -> Response:
    """An answer that ends the connection. more: further headers."""
    fields = {"Content-Type": kind, "Content-Length": str(len(content)), "Connection": "close"}
    return Response(status, status.phrase, Headers(fields | SAFETY | (more or {})), content)
