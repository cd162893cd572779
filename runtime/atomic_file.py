"""Files that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from runtime.errors import UserError


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing beside `path`; on success it is synced and takes its place, else it is removed.

    UserError if the folder is missing or not writable.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        stream = open(beside, "wb")  # noqa: SIM115 (closed below, before the rename)
    except OSError as error:
        raise UserError(path, error.strerror or str(error), "a writable place", "choose another path") from None
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.replace(beside, path)
        except OSError as error:
            raise UserError(path, error.strerror or str(error), "a path for a file", "choose another path") from None
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
