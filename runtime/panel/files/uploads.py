"""Receives a browser's file, piece by piece."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from runtime.base.errors import UserError
from runtime.panel.files.limits import CHUNK_BYTES, LARGEST_BYTES, LONGEST_NAME

Kind = Literal["midi", "recording", "sound", "taught", "update"]
_WRITTEN_AT_ONCE_BYTES = 16 * CHUNK_BYTES
_SPARE_BYTES = 64 * 2**20  # this much of the disk is kept free, for playing and recording


class Announced(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of the request `send`: what the file is for, its name on the browser's machine, and its size."""

    kind: Kind
    name: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]
    bytes: Annotated[int, msgspec.Meta(ge=0)]


class Upload:
    """A file that is being received. n_taken: bytes received so far.

    UserError if the file is empty or too large, or if the disk has no room for it.
    """

    def __init__(self, announced: Announced, path: Path):
        self.path, self._name, self._n_bytes, self.n_taken = path, announced.name, announced.bytes, 0
        largest = LARGEST_BYTES[announced.kind]
        if announced.bytes > largest:
            raise UserError(self._name, f"{announced.bytes:,} bytes", f"at most {largest:,}", "choose a smaller file")
        if announced.bytes == 0:
            raise UserError(self._name, "an empty file", "something in it", "choose another file")
        disk = os.statvfs(path.parent)
        if disk.f_bavail * disk.f_frsize < announced.bytes + _SPARE_BYTES:
            raise self._full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._full(error) from None
        self._waiting = bytearray()

    @property
    def is_whole(self) -> bool:
        """Whether all announced bytes have been received."""
        return self.n_taken == self._n_bytes

    async def take(self, piece: bytes) -> None:
        """Take the next piece. Several pieces together are written to the disk.

        UserError if the file gets larger than announced, or if it cannot be written.
        """
        self.n_taken += len(piece)
        if self.n_taken > self._n_bytes:
            raise UserError(self._name, "more than was announced", f"{self._n_bytes:,} bytes", "send it again")
        self._waiting += piece
        if self.is_whole or len(self._waiting) >= _WRITTEN_AT_ONCE_BYTES:
            content, self._waiting = bytes(self._waiting), bytearray()
            try:
                await asyncio.to_thread(_write_all, self._file, content)  # a slow memory card must not block the page
            except OSError as error:
                raise self._full(error) from None

    def close(self) -> None:
        os.close(self._file)

    def _full(self, error: OSError) -> UserError:
        return UserError(self._name, error.strerror or str(error), "room for it", "free some space on this machine")


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
