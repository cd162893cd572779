"""What was deleted, renamed or overwritten, so that it can be brought back: a folder beside that of the sounds.

Each entry is a folder with a number as its name. It is complete before the sound is touched. So if the program is
killed in between, the sound and the entry are both there, and `undo` passes such an entry over.
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
    """One change. did: what; name: the sound's name before; new_name: after, if it was renamed."""

    did: Literal["delete", "rename", "overwrite"]
    name: str
    new_name: str | None = None


class Kept:
    """An entry in the trash. entry: what was changed; content: the sound's file before; None if it was only renamed."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.entry = msgspec.json.decode((folder / _ENTRY).read_bytes(), type=Entry)
        sound = folder / _SOUND
        self.content = sound.read_bytes() if sound.exists() else None

    def done(self, newer: bytes | None = None) -> None:
        """Note that the change was taken back; newer: what that replaced, which is kept, too."""
        if newer is not None:
            _write(self._folder / _NEWER, newer)
        self._folder.rename(self._folder.with_name(f"{_UNDONE}{self._folder.name}"))
        sync_folder(self._folder.parent)


def trash_folder() -> Path:
    """The folder of what was deleted, renamed or overwritten; it may not exist yet."""
    return data_folder() / "trash"


def put(entry: Entry, content: bytes | None = None) -> None:
    """Keep what is about to be changed; content: the sound's file. OSError or UserError if it cannot be written."""
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
    """The changes that have not been taken back, the last one first; one that cannot be read is passed over."""
    folder = trash_folder()
    for path in reversed(_entries(folder)):
        if not path.name.startswith(_UNDONE):
            with suppress(OSError, msgspec.MsgspecError):
                yield Kept(path)


def _entries(folder: Path) -> list[Path]:
    """The entries, also those that were taken back, in their order."""
    entries = [path for path in folder.glob("*[0-9]") if path.name.removeprefix(_UNDONE).isdecimal()]
    return sorted(entries, key=lambda path: int(path.name.removeprefix(_UNDONE)))


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path, "wb") as stream:
        stream.write(content)


def _forget_oldest(folder: Path) -> None:
    for path in _entries(folder)[:-MOST_ENTRIES]:
        shutil.rmtree(path, ignore_errors=True)
