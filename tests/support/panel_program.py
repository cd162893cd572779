"""The page's process on its own, and requests to it over the machine's network address."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.places import ROOT
from tests.support.rig import home_of_its_own

_LIMIT_S = 120.0  # longest wait for an answer or for the program's end; enough on a busy machine


def network_address() -> str | None:
    """This machine's network address; None without a network. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        try:
            asks.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return asks.getsockname()[0]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("", 0))
        return taken.getsockname()[1]


class PanelProgram:
    """A context manager that starts `python -m runtime panel --address 0.0.0.0` and waits until the program listens.

    home: folder of the user's files.
    lines: output so far.
    port: the page's port.
    address: this machine's network address, at which the page is; None without a network.
    """

    def __init__(self, home: Path, *arguments: object):
        self.home, self.port, self.address = home, free_port(), network_address()
        self._command = [
            sys.executable,
            "-m",
            "runtime",
            "panel",
            "--address",
            "0.0.0.0",
            "--port",
            self.port,
            *arguments,
        ]
        self.lines: list[str] = []

    def __enter__(self) -> PanelProgram:
        env = os.environ | home_of_its_own(self.home)
        self.process = subprocess.Popen(
            [*map(str, self._command)], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.read_until("Pairing code: ")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.lines += self.process.communicate(timeout=_LIMIT_S)[0].splitlines()

    @property
    def code(self) -> str:
        return [line for line in self.lines if line.startswith("Pairing code: ")][-1].removeprefix("Pairing code: ")

    def read_until(self, words: str) -> str:
        while line := self.process.stdout.readline():
            self.lines.append(line.rstrip("\n"))
            if words in line:
                return self.lines[-1]
        raise AssertionError(f"{words!r} did not come: {self.lines}")

    def get(self, path: str, address: str | None = None, **headers: str) -> http.client.HTTPResponse:
        """Request a file; underscores in names of headers become hyphens."""
        connection = http.client.HTTPConnection(address or self.address, self.port, timeout=_LIMIT_S)
        host = {"Host": f"{address or self.address}:{self.port}"}
        connection.request("GET", path, headers=host | {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def pair(self, code: str | None = None, **headers: str) -> http.client.HTTPResponse:
        return self.get("/pair", Timbrebox_Code=code or self.code, **headers)

    def cookie(self) -> str:
        answer = self.pair()
        cookie = answer.getheader("Set-Cookie")
        assert (answer.status, bool(cookie)) == (204, True)
        self.read_until("Pairing code: ")
        return cookie.split(";")[0]
