"""Where recordings lie and how their files are named, while they grow and afterwards."""

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
# A growing file can be played as it is; its name says that it is not finished.
_PART = ".part"
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 60


def recordings_folder() -> Path:
    """The folder of the recordings; it is made. UserError if it cannot be made."""
    folder = data_folder() / "recordings"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "free some space, or set XDG_DATA_HOME to another folder"
        raise UserError(folder, error.strerror or str(error), "a folder for recordings", remedy) from None
    return folder


def free_stem(folder: Path, name: str) -> str:
    """The beginning of the files' names, date, time and `name`; no file in the folder begins with it."""
    shown = _UNSAFE.sub("-", name).strip("-.")[:_LONGEST_NAME] or "recording"
    stem = wanted = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{shown}"
    number = 1
    while any(folder.glob(f"{stem}.*")):
        number += 1
        stem = f"{wanted}-{number}"
    return stem


def growing(folder: Path, stem: str, suffix: str) -> Path:
    """The path of a file while it grows."""
    return folder / f"{stem}{_PART}{suffix}"


def hold(path: Path) -> int:
    """Mark a growing file as being written by this process, for as long as it lives; close the descriptor to end it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def settle(path: Path) -> Path:
    """Give a growing file, which is whole now, its name for good; returns its path, the old one if that fails."""
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
    """Finish the files that killed processes left; returns their paths."""
    settled = []
    for suffix in SUFFIXES:
        for path in sorted(folder.glob(f"*{_PART}{suffix}")):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # its writer lives
                continue
            finally:
                os.close(descriptor)
            if suffix == ".wav":
                with suppress(OSError):
                    mend_wav(path)
            settled.append(settle(path))
    return settled
