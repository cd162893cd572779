"""Stands in for systemd: the socket to which a service sends its notices."""

from __future__ import annotations

import socket
import tempfile
import threading
from pathlib import Path


class Notices:
    """Receives a service's notices on a socket; a context manager.

    env: environment variables for the service.
    told: all notices so far, each as (name, value).
    """

    def __enter__(self) -> Notices:
        self._folder = tempfile.TemporaryDirectory(prefix="tb-")
        path = str(Path(self._folder.name) / "notify")
        self.env, self.told = {"NOTIFY_SOCKET": path}, list[tuple[str, str]]()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        while notice := self._socket.recv(8192):
            for line in notice.decode().splitlines():
                name, _, value = line.partition("=")
                self.told.append((name, value))

    @property
    def status(self) -> str:
        """The newest STATUS; "" before the first one."""
        return next((value for name, value in reversed(self.told) if name == "STATUS"), "")

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as farewell:
            farewell.sendto(b"", self.env["NOTIFY_SOCKET"])
        self._reader.join()
        self._socket.close()
        self._folder.cleanup()
