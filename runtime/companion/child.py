"""Starts the companion as a child of the playing process, and exchanges messages with it."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from runtime.base.errors import UserError
from runtime.companion import frames
from runtime.companion.frames import Frames
from runtime.link.messages import Message, error_of

ROOT = Path(__file__).resolve().parents[2]
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 4.0
_SETTLED_S = 10.0  # a companion that lived longer did not fail at its start, so it is restarted after _FIRST_WAIT_S
_MESSAGES_A_TURN = 64

Then = Callable[[Any], object]
Otherwise = Callable[[UserError], object]


class CompanionChild:
    """Starts the companion, sends it requests, and restarts it within 5 s if it dies. Never blocks, except in `close`.

    say: called with each line for the user.
    inherited: file descriptors that the companion inherits.
    n_starts: number of times the companion was started.
    """

    def __init__(self, say: Callable[[str], object], inherited: Sequence[int] = ()):
        self._say, self._inherited = say, tuple(inherited)
        self._process: subprocess.Popen[bytes] | None = None
        self._frames: Frames | None = None
        self._waiting: dict[int, tuple[Then, Otherwise]] = {}
        self._news: dict[str, Then] = {"say": lambda params: say(params["line"])}
        self._wait_s, self._start_s = _FIRST_WAIT_S, -math.inf
        self._n_asked = self.n_starts = 0
        self._start()

    def on(self, name: str, then: Then) -> None:
        """Set what is done when the companion sends a message of this name that is not an answer.

        then: called with the params of each such message.
        """
        self._news[name] = then

    @property
    def process_id(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def read_fds(self) -> list[int]:
        """File descriptors that become readable when there is something to do."""
        return [self._frames.fileno()] if self._frames and self._frames.can_receive else []

    @property
    def write_fds(self) -> list[int]:
        """File descriptors to watch until they are writable; none if everything is sent."""
        return [self._frames.fileno()] if self._frames and self._frames.has_unsent else []

    @property
    def wait_s(self) -> float:
        """Seconds until `serve` must be called even if no descriptor is ready."""
        if self._frames is None:
            return max(0.0, self._start_s + self._wait_s - time.monotonic())
        return 0.0 if self._frames.has_line or not self._frames.can_receive else math.inf

    def ask(self, name: str, then: Then, otherwise: Otherwise, /, **params: object) -> None:
        """Send a request with these params.

        then: called with the answer.
        otherwise: called with a UserError if the request is refused, or if the companion dies or does not run.
        """
        if self._frames is None:
            otherwise(_gone())
            return
        self._n_asked += 1
        self._waiting[self._n_asked] = then, otherwise
        self._frames.put(frames.request(name, params, self._n_asked))

    def tell(self, name: str, /, **params: object) -> bool:
        """Send a request that gets no answer; return whether it was sent.

        If the companion refuses it, a line tells the user why.
        """
        if self._frames is None:
            return False
        self._frames.put(frames.request(name, params, None))
        return True

    def serve(self) -> None:
        """Do what is due: send requests, receive answers, restart a dead companion."""
        if self._frames is None:
            if self.wait_s == 0.0:
                self._start()
            return
        self._frames.flush()
        self._take_messages()
        if self._frames.has_ended or not self._frames.is_open:
            self._bury()

    def close(self, limit_s: float = 3.0) -> None:
        """Let the companion finish its requests and end; kill it after `limit_s`."""
        if self._frames is None:
            return
        stream, until_s = self._frames, time.monotonic() + limit_s
        while stream.is_open and not stream.has_ended and time.monotonic() < until_s:
            if stream.has_unsent:
                stream.flush()
            else:
                stream.end_sending()
            select.select(self.read_fds, self.write_fds, [], 0.1)
            self._take_messages()
        try:
            self._process.wait(max(0.1, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        stream.close()
        self._frames = None

    def _take_messages(self) -> None:
        self._frames.receive()
        for _ in range(_MESSAGES_A_TURN):
            content = self._frames.take_line()
            if content is None:
                break
            self._take(msgspec.msgpack.decode(content, type=Message))

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._start_s = time.monotonic()
        command = [sys.executable, "-m", "runtime.companion"]
        try:
            with theirs:
                self._process = subprocess.Popen(
                    command, cwd=ROOT, stdin=theirs, stdout=subprocess.DEVNULL, pass_fds=self._inherited
                )
        except OSError as error:
            ours.close()
            self._say(f"The companion, which keeps files, cannot be started ({error}).")
            self._wait_s = _LONGEST_WAIT_S
            return
        self._frames = Frames(ours)
        self.n_starts += 1

    def _bury(self) -> None:
        self._frames.close()
        self._frames = None
        with contextlib.suppress(OSError):
            self._process.kill()
        status = self._process.wait()
        lived_s = time.monotonic() - self._start_s
        self._wait_s = _FIRST_WAIT_S if lived_s > _SETTLED_S else min(2.0 * self._wait_s, _LONGEST_WAIT_S)
        self._start_s = time.monotonic()
        self._say(f"The companion, which keeps files, has died ({_how(status)}); it is started again.")
        waiting, self._waiting = self._waiting, {}
        for _, otherwise in waiting.values():
            otherwise(_gone())

    def _take(self, message: Message) -> None:
        if message.method is not None:
            then = self._news.get(message.method)
            if then is not None:
                then(message.params)
            return
        then, otherwise = self._waiting.pop(message.id, (None, None))
        if then is None:
            return
        if message.error is not None:
            otherwise(error_of(message.error))
        else:
            then(message.result)


def _gone() -> UserError:
    return UserError("companion", "that it has died", "the process that keeps files", "try again")


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
