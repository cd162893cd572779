"""Saves, renames, copies and deletes the user's sounds; undoes deletions, renames and overwriting.

A change first copies to the trash what it will destroy. Then it replaces, renames or deletes one file. So even after a
power cut, each sound is as it was before the change or after it.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runtime.base.checked_yaml import LARGEST_BYTES
from runtime.base.errors import UserError
from runtime.base.files import atomic_write, make_folder, read_bounded_file, sync_folder
from runtime.base.user_folders import data_folder
from runtime.companion.sounds import trash
from runtime.companion.sounds.trajectory_files import files_of, moved_beside, outside, put, renamed
from runtime.companion.sounds.trash import Entry, Kept
from runtime.sound.file import load_sound, sound_from_tree, sound_text
from runtime.sound.own import KnownSound, file_name, own_sound, sounds_folder, user_sounds
from runtime.sound.sound import Sound

NEW_NAME = "Sound"
_REMEDY = "choose another place, or free some space"


class Saved(NamedTuple):
    """A saved sound. replaced: whether a sound of that name was there before."""

    name: str
    path: Path
    replaced: bool


def save_tree(name: str | None, tree: dict[str, Any], folder: Path | None) -> Saved:
    """As `save`, but the sound is given as `tree`: the content of a sound's file, as plain values."""
    return save(name, sound_from_tree(tree, "the sound to save"), folder)


def save(name: str | None, sound: Sound, folder: Path | None) -> Saved:
    """Save a sound as the user's own; an earlier sound of the same name goes into the trash.

    name: None for a new name, such as "Sound 7".
    folder: holds the sound's trajectory files; None if it has none.
    UserError if the sound cannot have this name, or cannot be stored.
    """
    with _changing():
        name = new_name() if name is None else name
        path = sounds_folder() / file_name(name)
        content = _content(sound, folder, name)
        before = _present(path)
        if before is not None and before != content:
            trash.put(Entry("overwrite", name), before)
        if before != content:
            _write(path, content)
        return Saved(name, path, before is not None)


def add(name: str, sound: Sound, trajectories: dict[str, bytes]) -> Saved:
    """Save a sound under this name or, if another sound has the name, under a new name such as "NAME 2".

    If the same sound has one of these names already, nothing is saved.

    trajectories: for each name of a trajectory file in the sound, the file's content.
    UserError as for `save`.
    """
    with _changing():
        file_name(name)
        named = {file: put(content, sounds_folder()) for file, content in trajectories.items()}
        sound, folder = renamed(sound, lambda file: named.get(file, file)), sounds_folder()
        tried, number = name, 1
        while True:
            content, path = _content(sound, folder, tried), sounds_folder() / file_name(tried)
            if not path.exists():
                _write(path, content)
                return Saved(tried, path, False)
            if _holds(path, tried, content):
                return Saved(tried, path, True)
            number += 1
            tried = f"{name} {number}"


def rename(name: str, new: str) -> KnownSound:
    """Give one of the user's sounds another name; UserError if there is no such sound, or `new` is taken."""
    with _changing():
        known, path = own_sound(name), _free_path(new)
        trash.put(Entry("rename", known.name, new))
        known.file.rename(path)
        sync_folder(path.parent)
    return own_sound(_normal(new))


def copy(name: str, new: str) -> KnownSound:
    """Copy one of the user's sounds under the name `new`; UserError as for `rename`, or if the sound is broken."""
    with _changing():
        known, path = own_sound(name), _free_path(new)
        _write(path, _content(known.read(), sounds_folder(), new))
    return own_sound(_normal(new))


def delete(name: str) -> None:
    """Move one of the user's sounds into the trash; UserError if there is no such sound."""
    with _changing():
        known = own_sound(name)
        trash.put(Entry("delete", known.name), known.file.read_bytes())
        known.file.unlink()
        sync_folder(known.file.parent)


def undo() -> str:
    """Undo the last deletion, rename or overwriting; return a line for the user. UserError if nothing can be undone."""
    with _changing():
        for kept in trash.newest_first():
            done = {"delete": _undelete, "rename": _unrename, "overwrite": _restore}[kept.entry.did](kept)
            if done is not None:
                return done
            kept.done()  # there is nothing to undo: the process was killed before it made this change
    expected = "a sound that was deleted, renamed or overwritten"
    raise UserError("undo", "nothing to take back", expected, "see: ./timbrebox presets")


def new_name() -> str:
    """A name that none of the user's sounds has, such as "Sound 7"."""
    numbers = [int(match[1]) for name in user_sounds() if (match := re.fullmatch(rf"{NEW_NAME} (\d{{1,9}})", name))]
    return f"{NEW_NAME} {max(numbers, default=0) + 1}"


def _undelete(kept: Kept) -> str | None:
    name, path = kept.entry.name, sounds_folder() / file_name(kept.entry.name)
    present = _present(path)
    if present is not None and present == kept.content:
        return None
    back = name if present is None else _free_name(name)
    _write(sounds_folder() / file_name(back), kept.content)
    kept.done()
    return f"{name} is back" + ("." if back == name else f", as {back}: another sound has its name.")


def _unrename(kept: Kept) -> str | None:
    old, new = (sounds_folder() / file_name(name) for name in (kept.entry.name, kept.entry.new_name))
    if not new.exists():
        return None
    if old.exists():
        found = f"another sound named {kept.entry.name!r}"
        remedy = f"rename or delete it, then {kept.entry.new_name!r} gets its name back"
        raise UserError("undo", found, "a free name", remedy)
    new.rename(old)
    sync_folder(old.parent)
    kept.done()
    return f"{kept.entry.new_name} is {kept.entry.name} again."


def _restore(kept: Kept) -> str | None:
    path = sounds_folder() / file_name(kept.entry.name)
    present = _present(path)
    if present == kept.content:
        return None
    _write(path, kept.content)
    kept.done(newer=present)
    return f"{kept.entry.name} is as it was before."


def _content(sound: Sound, folder: Path | None, name: str) -> bytes:
    """The content of a file that stores the sound under `name`.

    Also copies the sound's trajectory files from `folder` into the folder of the user's sounds.
    """
    file_name(name)  # refuses a bad name, before anything is written
    target = sounds_folder()
    files_of(sound, folder, name)  # UserError if a trajectory file is missing or broken
    sound = moved_beside(msgspec.structs.replace(sound, name=name), folder, target, name)
    content = sound_text(sound).encode()
    if len(content) > LARGEST_BYTES:
        content = sound_text(outside(sound, target)).encode()
    if len(content) > LARGEST_BYTES:
        found = f"{len(content):,} bytes"
        raise UserError(name, found, f"a sound of at most {LARGEST_BYTES:,}", "leave out a part of its trajectories")
    return content


def _holds(path: Path, name: str, content: bytes) -> bool:
    """Whether a file holds the same sound as `content`; only the sound's name may differ.

    name: the name in `content`.
    """
    if _present(path) == content:
        return True
    try:
        return _content(load_sound(path), sounds_folder(), name) == content
    except UserError:  # a broken file holds no sound
        return False


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path, "wb") as stream:
        stream.write(content)


def _present(path: Path) -> bytes | None:
    return read_bounded_file(path, "a sound", 64 * LARGEST_BYTES) if path.exists() else None


def _free_path(name: str) -> Path:
    path = sounds_folder() / file_name(name)
    if os.path.lexists(path):
        raise UserError("sound's name", f"{name!r}, which a sound of yours has", "a free name", "choose another name")
    return path


def _free_name(name: str) -> str:
    number = 2
    while (sounds_folder() / file_name(f"{name} {number}")).exists():
        number += 1
    return f"{name} {number}"


def _normal(name: str) -> str:
    """The stored name that equals `name` in all but the Unicode form of accents; `name` if no stored name does."""
    return next((known for known in user_sounds() if file_name(known) == file_name(name)), name)


@contextmanager
def _changing() -> Iterator[None]:
    """Lock the user's sounds, so that only one process changes them; UserError if the folder cannot be written."""
    folder = data_folder()
    try:
        make_folder(folder)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(folder, error.strerror, "a writable place with room", _REMEDY) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    except OSError as error:
        where = error.filename or folder
        raise UserError(where, error.strerror or str(error), "a writable place with room", _REMEDY) from None
    finally:
        os.close(lock)
