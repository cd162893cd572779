"""The trash: a folder that holds what `undo` needs. It lies beside the sounds' folder.

Each entry is a folder with a number as its name. The entry is complete before its sound is changed. If the program is
killed in between, `undo` finds the sound unchanged, and skips the entry.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from runtime.base.files import atomic_write, make_folder, sync_folder
from runtime.base.user_folders import data_folder

MOST_ENTRIES = 200
_UNDONE = "undone-"
_ENTRY, _SOUND, _NEWER = "entry.json", "sound.yaml", "newer.yaml"


class Entry(msgspec.Struct, frozen=True):
    """A change to a sound.

    did: what was done.
    name: the sound's name before the change.
    new_name: the sound's name after a rename, else None.
    """

    did: Literal["delete", "rename", "overwrite"]
    name: str
    new_name: str | None = None


class Kept:
    """A change in the trash. content: the sound's file before the change, or None for a rename."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.entry = msgspec.json.decode((folder / _ENTRY).read_bytes(), type=Entry)
        sound = folder / _SOUND
        self.content = sound.read_bytes() if sound.exists() else None

    def done(self, newer: bytes | None = None) -> None:
        """Mark the change as undone. newer: the content that the sound's file had until now, or None."""
        if newer is not None:
            _write(self._folder / _NEWER, newer)
        self._folder.rename(self._folder.with_name(f"{_UNDONE}{self._folder.name}"))
        sync_folder(self._folder.parent)


def trash_folder() -> Path:
    """The folder of the trash, which may not exist yet."""
    return data_folder() / "trash"


def put(entry: Entry, content: bytes | None = None) -> None:
    """Store an entry, before the sound is changed; OSError or UserError if writing fails.

    content: the present content of the sound's file, or None for a rename.
    """
    folder = trash_folder()
    make_folder(folder)
    number = max((int(path.name.removeprefix(_UNDONE)) for path in _entries(folder)), default=0) + 1
    part = folder / f".{number:08d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    _write(part / _ENTRY, msgspec.json.encode(entry))
    if content is not None:
        _write(part / _SOUND, content)
    part.rename(folder / f"{number:08d}")
    sync_folder(folder)
    _forget_oldest(folder)


def newest_first() -> Iterator[Kept]:
    """The entries not undone yet, the newest first; unreadable entries are skipped."""
    folder = trash_folder()
    for path in reversed(_entries(folder)):
        if not path.name.startswith(_UNDONE):
            with suppress(OSError, msgspec.MsgspecError):
                yield Kept(path)


def _entries(folder: Path) -> list[Path]:
    """All entries, also the undone ones, in the order of their numbers."""
    entries = [path for path in folder.glob("*[0-9]") if path.name.removeprefix(_UNDONE).isdecimal()]
    return sorted(entries, key=lambda path: int(path.name.removeprefix(_UNDONE)))


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path, "wb") as stream:
        stream.write(content)


def _forget_oldest(folder: Path) -> None:
    for path in _entries(folder)[:-MOST_ENTRIES]:
        shutil.rmtree(path, ignore_errors=True)
