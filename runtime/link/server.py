"""The playing process's end of the link: a server. The main thread calls `serve`."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.link import messages
from runtime.link.connection import Connection
from runtime.link.place import make_private

MOST_CLIENTS = 16
MOST_UNSENT_BYTES = 4 * messages.LONGEST_LINE_BYTES
LONGEST_STUCK_S = 5.0
LONGEST_SILENCE_S = 30.0  # if a new client needs a place, one that has been silent for longer can lose its own
_LINES_A_TURN = 16

Params = Any
Handler = Callable[[Params, "Caller"], object]


class Later:
    """A handler returns LATER if it will answer later, through its Caller."""


LATER = Later()


class Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of `watch`: the topics that the client watches from now on, in place of all earlier topics."""

    topics: tuple[str, ...]


class _Method(NamedTuple):
    params: type
    handler: Handler


class Caller:
    """Sends the answer to a request, now or later; a disconnected client gets none."""

    def __init__(self, connection: Connection, number: messages.Id):
        self._connection, self._id = connection, number

    def answer(self, result: object) -> None:
        """Send plain values as the answer, if the client wants an answer."""
        if self._id is not None:
            self._connection.send(messages.answer_line(self._id, result))

    def answer_with(self, result: object, descriptor: int) -> None:
        """Like `answer`, but also send a file descriptor, of which the client gets a copy."""
        if self._id is not None:
            self._connection.send_with(messages.answer_line(self._id, result), descriptor)

    def refuse(self, error: UserError, code: int = messages.REFUSED) -> None:
        """Send an error as the answer, even if the client wants no answer."""
        self._connection.send(messages.error_line(self._id, code, error))

    @property
    def connection(self) -> Connection:
        return self._connection


class Server:
    """Answers requests on a Unix stream socket, and sends news to watching clients.

    path: path of the socket. If an ended process has left a socket there, the socket is replaced.
    topics: names of what clients can watch.
    group_may_connect: whether the group of the socket's folder may connect.
    OSError if the socket cannot be made; BlockingIOError if a running process uses it.
    """

    def __init__(self, path: Path, topics: tuple[str, ...] = (), group_may_connect: bool = False):
        self.path, self._topics = path, topics
        make_private(path.parent)
        # The kernel releases the lock when the process that made the socket ends. So a locked socket is in use.
        self._lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._listener = _listening(path, group_may_connect)
        except OSError:
            os.close(self._lock)
            raise
        self._clients: list[Connection] = []
        self._watches: dict[Connection, frozenset[str]] = {}
        self._methods: dict[str, _Method] = {}
        self._on_gone: list[Callable[[Connection], object]] = []
        self.add("watch", Watch, self._watch)
        self.add("methods", messages.NoParams, lambda _params, _caller: sorted(self._methods))

    def add(self, method: str, params: type, handler: Handler) -> None:
        """Answer requests for this method.

        params: a msgspec.Struct type; a request with other params is refused.
        handler: called with the params and the Caller. It returns the answer as plain values, or LATER. If it raises a
            UserError, the request is refused.
        """
        self._methods[method] = _Method(params, handler)

    def on_gone(self, then: Callable[[Connection], object]) -> None:
        """From now on, whenever a client has disconnected, call `then` with its connection."""
        self._on_gone.append(then)

    @property
    def read_fds(self) -> list[int]:
        """File descriptors that become readable when `serve` has something to do."""
        return [self._listener.fileno(), *(client.fileno() for client in self._clients if client.can_receive)]

    @property
    def write_fds(self) -> list[int]:
        """File descriptors of clients with unsent bytes; they become writable when more can be sent."""
        return [client.fileno() for client in self._clients if client.has_unsent]

    @property
    def is_behind(self) -> bool:
        """Whether `serve` has something to do now, even if no file descriptor is ready."""
        return any(client.has_line or not client.is_open for client in self._clients)

    def is_watched(self, topic: str) -> bool:
        return any(topic in topics for topics in self._watches.values())

    def publish(self, topic: str, news: object) -> None:
        """Send news to the clients that watch the topic."""
        for client, topics in list(self._watches.items()):
            if topic in topics:
                client.send(messages.news_line(topic, news))

    def serve(self, ready: Container[int] | None = None) -> None:
        """Answer requests, send unsent bytes, remove disconnected clients, and accept new ones; never waits.

        ready: the readable file descriptors; None to try all.
        """
        for client in self._clients:
            client.flush()
            if ready is None or client.fileno() in ready:
                client.receive()
            self._answer_lines(client)
            is_done = client.has_ended and not client.has_line and not client.has_unsent
            if is_done or client.is_overdue or client.stuck_s() > LONGEST_STUCK_S:
                client.close()
        if not all(client.is_open for client in self._clients):
            gone = [client for client in self._clients if not client.is_open]
            self._clients = [client for client in self._clients if client.is_open]
            for client in gone:
                self._tell_gone(client)
            self._watches = {client: topics for client, topics in self._watches.items() if client.is_open}
        if ready is None or self._listener.fileno() in ready:
            self._accept()  # last, because the removed clients have made room for new ones

    def close(self) -> None:
        """Disconnect everybody and remove the socket."""
        for client in self._clients:
            client.close()
        self._clients, self._watches = [], {}
        self._listener.close()
        self.path.unlink(missing_ok=True)
        os.close(self._lock)

    def _accept(self) -> None:
        for _ in range(MOST_CLIENTS):
            try:
                stream, _ = self._listener.accept()
            except OSError:  # no client waits, the client has gone again, or no file descriptor is free
                return
            client = Connection(stream, messages.LONGEST_LINE_BYTES, MOST_UNSENT_BYTES)
            n_clients = sum(not each.is_leaving for each in self._clients)
            if n_clients >= MOST_CLIENTS and not self._drop_silent(client.heard_s - LONGEST_SILENCE_S):
                expected = f"at most {MOST_CLIENTS}"
                error = UserError("play", "too many programs that speak to it", expected, "close one of them")
                client.send(messages.error_line(None, messages.REFUSED, error))
                client.leave()
                if len(self._clients) >= 2 * MOST_CLIENTS:
                    client.close()
                    continue
            self._clients.append(client)

    def _drop_silent(self, before_s: float) -> bool:
        """Drop the client that has been silent for longest; return whether a client was dropped.

        Only a client that watches nothing and has been silent since `before_s` can be dropped.
        """
        silent = [client for client in self._clients if client not in self._watches and client.heard_s < before_s]
        if not silent:
            return False
        longest = min(silent, key=lambda client: client.heard_s)
        longest.close()
        self._clients.remove(longest)
        self._tell_gone(longest)
        return True

    def _tell_gone(self, client: Connection) -> None:
        for then in self._on_gone:
            then(client)

    def _answer_lines(self, client: Connection) -> None:
        for _ in range(_LINES_A_TURN):
            line = client.take_line()
            if line is None:
                break
            if line.strip():
                self._answer(client, line)
        if client.too_long:
            error = f"a line of more than {messages.LONGEST_LINE_BYTES} bytes"
            client.send(messages.error_line(None, messages.NOT_A_REQUEST, error))
            client.leave()

    def _answer(self, client: Connection, line: bytes) -> None:
        """Answer one line; disconnect the client if the line is a malformed request."""
        try:
            request = msgspec.json.decode(line, type=messages.Request)
        except messages.Failures as error:
            code = messages.NOT_A_REQUEST if isinstance(error, msgspec.ValidationError) else messages.NOT_JSON
            client.send(messages.error_line(None, code, f"no request: {error}"))
            client.leave()
            return
        caller = Caller(client, request.id)
        try:
            result = self._call(request, caller)
        except UserError as error:
            caller.refuse(error)
        except Exception as error:  # a bug in a handler must not end the music
            client.send(messages.error_line(request.id, messages.OUR_FAILURE, f"{type(error).__name__}: {error}"))
        else:
            if not isinstance(result, Later):
                caller.answer(result)

    def _call(self, request: messages.Request, caller: Caller) -> object:
        method = self._methods.get(request.method)
        if method is None:
            caller.refuse(_unknown("request", request.method, self._methods), messages.UNKNOWN_METHOD)
            return LATER
        try:
            params = msgspec.json.decode(request.params, type=method.params)
        except messages.Failures as error:
            expected = f"the params of {request.method}"
            wrong = UserError(f"request {request.method}", str(error), expected, "see docs/link.md")
            caller.refuse(wrong, messages.WRONG_PARAMS)
            return LATER
        return method.handler(params, caller)

    def _watch(self, wanted: Watch, caller: Caller) -> object:
        for topic in wanted.topics:
            if topic not in self._topics:
                raise _unknown("watch", topic, self._topics)
        if wanted.topics:
            self._watches[caller.connection] = frozenset(wanted.topics)
        else:
            self._watches.pop(caller.connection, None)
        return {"topics": list(wanted.topics)}


def _listening(path: Path, group_may_connect: bool) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(str(path))
        path.chmod(0o660 if group_may_connect else 0o600)
        listener.listen(MOST_CLIENTS)
    except OSError:
        listener.close()
        raise
    return listener


def _unknown(where: str, name: str, known: object) -> UserError:
    return UserError(where, repr(name[:100]), "a known one", did_you_mean(name[:100], known))
