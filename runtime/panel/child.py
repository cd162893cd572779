"""Runs the page's process as a child of the playing process."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from runtime.config import PanelConfig
from runtime.panel.listening import url_of

ROOT = Path(__file__).resolve().parents[2]
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 4.0
_SETTLED_S = 10.0  # if a child lived longer, the next one starts after _FIRST_WAIT_S; if not, the wait doubles
_FAREWELL_S = 1.0
_LONGEST_LINE_BYTES = 4096


class PanelChild:
    """Starts the page's process, and restarts it within 5 s if it dies. Never waits, except in `close`.

    The playing process holds the listening socket. So the port stays the same, and if a browser connects while no child
    runs, the next child answers it. When the playing process ends, the child's standard input closes, and the child
    ends.

    say: called with each line for the user, and with the child's lines.
    n_starts: number of times the child was started.
    """

    def __init__(self, listener: socket.socket, say: Callable[[str], object], settings: PanelConfig = PanelConfig()):
        self._listener, self._say, self._settings = listener, say, settings
        self._said = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._ring: int | None = None
        self._wait_s, self._start_s = _FIRST_WAIT_S, -math.inf
        self.n_starts = 0

    def lend(self, ring: int) -> None:
        """Let the child read the output's sound. ring: descriptor of a SoundRing; keep it open until `close`."""
        self._ring = ring

    @property
    def url(self) -> str:
        return url_of(self._listener)

    @property
    def process_id(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def read_fds(self) -> list[int]:
        """File descriptors that become readable when `serve` has something to do."""
        return [self._process.stdout.fileno()] if self._process else []

    @property
    def wait_s(self) -> float:
        """Seconds until `serve` must be called even if no descriptor is readable."""
        return math.inf if self._process else max(0.0, self._start_s + self._wait_s - time.monotonic())

    def serve(self) -> None:
        """Start the child if it is due, pass on its lines, and note its death."""
        if self._process is None:
            if self.wait_s == 0.0:
                self._start()
        elif not self._is_alive():
            self._bury()

    def close(self) -> None:
        """End the child, and close the socket."""
        if self._process is not None:
            self._process.stdin.close()
            try:
                self._process.wait(_FAREWELL_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            self._process = None
        self._listener.close()

    def _start(self) -> None:
        self._start_s = time.monotonic()
        number = self._listener.fileno()
        settings = msgspec.json.encode(self._settings).decode()
        command = [sys.executable, "-m", "runtime", "panel", "--inherited", str(number), "--settings", settings]
        lent = [] if self._ring is None else [self._ring]
        command += [word for each in lent for word in ("--ring", str(each))]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        try:
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[number, *lent], bufsize=0, **pipes)
        except OSError as error:
            self._say(f"The page's process cannot be started ({error}).")
            self._wait_s = _LONGEST_WAIT_S
            return
        os.set_blocking(self._process.stdout.fileno(), False)
        self.n_starts += 1

    def _is_alive(self) -> bool:
        with contextlib.suppress(OSError):
            while (said := self._process.stdout.read(4096)) is not None:
                if not said:
                    return False
                *lines, rest = (self._said + said).split(b"\n")
                self._said = rest[-_LONGEST_LINE_BYTES:]
                for line in lines:
                    self._say(line.decode("utf-8", "replace"))
        return True

    def _bury(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        status = self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process = None
        lived_s = time.monotonic() - self._start_s
        self._wait_s = _FIRST_WAIT_S if lived_s > _SETTLED_S else min(2.0 * self._wait_s, _LONGEST_WAIT_S)
        self._start_s = time.monotonic()
        how = f"signal {-status}" if status < 0 else f"status {status}"
        self._say(f"The page's process has died ({how}); it is started again.")
