"""The recordings on this machine: a list, and a deletion that can be undone."""

from __future__ import annotations

import glob
import struct
from pathlib import Path
from typing import NamedTuple

from runtime.base.errors import UserError
from runtime.base.user_folders import data_folder
from runtime.panel.files.folders import PassingFolder

SUFFIXES = (".wav", ".flac", ".mid")
MOST_LISTED = 200
_GROWING = ".part"
_DELETED = ".deleted"
_WAV_RATE_AT, _WAV_HEADER_BYTES = 28, 44
# Where a FLAC file has its rate, channels, bits per sample and number of frames. Source: RFC 9639, section 8.2.
_FLAC_INFO_AT, _FLAC_INFO_BYTES = 18, 8


class _File(NamedTuple):
    path: Path
    n_bytes: int
    changed_s: float


class Recordings:
    """The user's recordings. A name that a page sends is looked up in the folder's list, never used as a path.

    The last deleted recording can be restored, until another is deleted or this process ends.
    """

    def __init__(self) -> None:
        self.folder = data_folder() / "recordings"
        self._deleted: PassingFolder | None = None

    def rows(self) -> list[dict[str, object]]:
        """The newest MOST_LISTED recordings, the newest first: name, time of the end, length, and files."""
        found = [_row(name, files) for name, files in self._found().items()]
        return sorted(found, key=lambda row: (row["ended_s"], row["name"]), reverse=True)[:MOST_LISTED]

    def path(self, name: str, suffix: str) -> Path:
        """The path of a recording's file that has this suffix; UserError if there is no such file."""
        return next((file.path for file in self._files(name) if file.path.suffix == suffix), None) or _refuse(name)

    def delete(self, name: str) -> None:
        """Set a recording's files aside for `undo`; delete files that were set aside before."""
        files = self._files(name)
        if self._deleted is None:
            self._deleted = PassingFolder(self.folder / _DELETED)
        self._deleted.clear()
        for file in files:
            _move(file.path, self._deleted.path / file.path.name)

    def undo(self) -> str:
        """Restore the last deleted recording and return its name; UserError if there is none.

        If a newer recording has its name, it gets another name.
        """
        aside = sorted(self._deleted.path.iterdir()) if self._deleted else []
        if not aside:
            raise UserError("undo", "nothing to bring back", "a recording that was deleted", "see the list")
        stem = name = aside[0].stem
        number = 1
        while any(self.folder.glob(f"{glob.escape(name)}.*")):
            number += 1
            name = f"{stem}-{number}"
        for path in aside:
            _move(path, self.folder / f"{name}{path.suffix}")
        return name

    def close(self) -> None:
        """Delete the files that were set aside."""
        if self._deleted is not None:
            self._deleted.close()

    def _files(self, name: str) -> list[_File]:
        return self._found().get(name) or _refuse(name)

    def _found(self) -> dict[str, list[_File]]:
        found: dict[str, list[_File]] = {}
        if not self.folder.is_dir():
            return found
        for path in self.folder.iterdir():
            is_whole = path.suffix in SUFFIXES and not path.name.startswith(".") and not path.stem.endswith(_GROWING)
            if is_whole and path.is_file() and not path.is_symlink():
                facts = path.stat()
                found.setdefault(path.stem, []).append(_File(path, facts.st_size, facts.st_mtime))
        return found


def _row(name: str, files: list[_File]) -> dict[str, object]:
    files = sorted(files, key=lambda file: SUFFIXES.index(file.path.suffix))
    return {
        "name": name,
        "ended_s": max(file.changed_s for file in files),
        "length_s": next((length for file in files if (length := _length_s(file)) is not None), None),
        "files": [{"suffix": file.path.suffix, "bytes": file.n_bytes} for file in files],
    }


def _length_s(file: _File) -> float | None:
    """The length of a WAV or FLAC file as the recorder writes it; None for any other file, such as a MIDI file."""
    try:
        with file.path.open("rb") as stream:
            head = stream.read(_WAV_HEADER_BYTES)
    except OSError:
        return None
    if len(head) < _WAV_HEADER_BYTES:
        return None
    if head[:4] == b"RIFF":
        (bytes_a_second,) = struct.unpack_from("<I", head, _WAV_RATE_AT)
        return max(0, file.n_bytes - _WAV_HEADER_BYTES) / bytes_a_second if bytes_a_second else None
    if head[:4] == b"fLaC":
        info = int.from_bytes(head[_FLAC_INFO_AT : _FLAC_INFO_AT + _FLAC_INFO_BYTES], "big")
        rate_hz, n_frames = info >> 44, info & (2**36 - 1)
        return n_frames / rate_hz if rate_hz else None
    return None


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        raise UserError(source.name, error.strerror or str(error), "a file that can be moved", "try again") from None


def _refuse(name: str) -> list[_File]:
    raise UserError("recording", repr(name), "one of the list", "look at the list again")
