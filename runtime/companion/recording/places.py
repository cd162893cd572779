"""The folder of recordings, and the names of its files.

A growing file is still being written. Its name differs from the name of a finished file.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import sync_folder
from runtime.base.user_folders import data_folder
from runtime.companion.recording.sound_files import mend_wav

MIDI = ".mid"
SUFFIXES = (".wav", ".flac", MIDI)
# A file with this in its name is still being written. It can be played already.
_PART = ".part"
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 60


def recordings_folder() -> Path:
    """The folder of recordings, made if missing; UserError if it cannot be made."""
    folder = data_folder() / "recordings"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "free some space, or set XDG_DATA_HOME to another folder"
        raise UserError(folder, error.strerror or str(error), "a folder for recordings", remedy) from None
    return folder


def free_stem(folder: Path, name: str) -> str:
    """A stem for a new recording's files, made of date, time and `name`. No file in the folder has this stem."""
    shown = _UNSAFE.sub("-", name).strip("-.")[:_LONGEST_NAME] or "recording"
    stem = wanted = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{shown}"
    number = 1
    while any(folder.glob(f"{stem}.*")):
        number += 1
        stem = f"{wanted}-{number}"
    return stem


def growing(folder: Path, stem: str, suffix: str) -> Path:
    """The path of a recording's file while it is being written."""
    return folder / f"{stem}{_PART}{suffix}"


def hold(path: Path) -> int:
    """Lock a growing file until this process ends or closes the returned descriptor."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def settle(path: Path) -> Path:
    """Give a finished file its final name; return its new path, or its old path if renaming fails."""
    target = path.with_name(path.name.replace(_PART, "", 1) if _PART in path.name else path.name)
    stem, number = target.stem, 1
    while target.exists():
        number += 1
        target = path.with_name(f"{stem}-{number}{path.suffix}")
    try:
        path.rename(target)
    except OSError:
        return path
    sync_folder(target.parent)
    return target


def settle_leftovers(folder: Path) -> list[Path]:
    """Rename the unfinished files that killed processes left behind, and repair WAV files; return the new paths."""
    settled = []
    for suffix in SUFFIXES:
        for path in sorted(folder.glob(f"*{_PART}{suffix}")):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # locked: the process that writes the file still runs
                continue
            finally:
                os.close(descriptor)
            if suffix == ".wav":
                with suppress(OSError):
                    mend_wav(path)
            settled.append(settle(path))
    return settled
