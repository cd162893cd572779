"""Takes a received update out of the folder in which the page puts it. Any file there may come from a stranger.

The page runs as the system user `timbrebox`, who can put anything there: links, pipes, a link in place of the folder
itself. So no link is followed, and the file is opened only once. The caller copies its content to where only root can
reach it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from runtime.base.errors import UserError
from runtime.service.places import ARRIVED
from runtime.service.updating.signed import refuse_large

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TAKEN = ".taken-"
_EXPECTED, _REMEDY = "a file that the page has received", "send it again"


@contextmanager
def taken(state: Path) -> Iterator[BinaryIO]:
    """Yield the received update as an open file, and remove it at the end; UserError if it is no plain file.

    state: the folder of the page's files; the update is `state / ARRIVED`. It is first renamed, so that systemd does
        not find it again.
    """
    try:
        inside = _opened(state)
    except OSError as error:
        raise UserError(state / ARRIVED.parent, error.strerror or str(error), "a folder", _REMEDY) from None
    name = f"{_TAKEN}{os.getpid()}-{time.time_ns()}"
    try:
        _remove_left(inside)
        with open(_renamed(name, inside), "rb") as stream:
            _refuse(os.fstat(stream.fileno()))  # the file may have been replaced since the first check
            yield stream
    finally:
        _remove(name, inside)
        os.close(inside)


def _opened(state: Path) -> int:
    """Open the folder of the received update; OSError if this folder or `state` is a link, or is no folder."""
    above = os.open(state, _FOLDER)
    try:
        return os.open(ARRIVED.parent, _FOLDER, dir_fd=above)
    finally:
        os.close(above)


def _renamed(name: str, inside: int) -> int:
    """Rename what has arrived, and return its descriptor; UserError if it is no plain file."""
    try:
        os.rename(ARRIVED.name, name, src_dir_fd=inside, dst_dir_fd=inside)
        _refuse(os.stat(name, dir_fd=inside, follow_symlinks=False))  # before `open`, which may make a device act
        return os.open(name, _FILE, dir_fd=inside)
    except OSError as error:
        raise UserError("update", error.strerror or str(error), _EXPECTED, _REMEDY) from None


def _refuse(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UserError("update", "a link, a pipe or another thing that is no file", _EXPECTED, _REMEDY)
    if found.st_nlink != 1:
        raise UserError("update", "a file that has a second name", _EXPECTED, _REMEDY)
    refuse_large(found.st_size)


def _remove_left(inside: int) -> None:
    for name in os.listdir(inside):
        if name.startswith(_TAKEN):
            _remove(name, inside)


def _remove(name: str, inside: int) -> None:
    with suppress(OSError):  # `unlink` fails for a folder, which may stay, because nothing reads it
        os.unlink(name, dir_fd=inside)
