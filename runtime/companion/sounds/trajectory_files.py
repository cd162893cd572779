"""Trajectory files in the folder of the user's sounds; a file's name is a digest of its content."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from runtime.base.files import atomic_write, read_bounded_file
from runtime.sound.sound import Sound
from runtime.sound.trajectory.packing import LARGEST_BYTES, SUFFIX, unpack
from runtime.sound.trajectory.use import SoundTrajectory, trajectory_path


def digest_name(content: bytes) -> str:
    """The name of a trajectory file with this content."""
    return hashlib.sha256(content).hexdigest()[:16] + SUFFIX


def files_of(sound: Sound, folder: Path | None, where: object) -> dict[str, bytes]:
    """The content of each trajectory file of a sound, by the path that the sound stores.

    folder: the paths are relative to it.
    where: names the sound in messages.

    UserError if a file is missing or broken.
    """
    found = {}
    for use in _uses(sound):
        if use.file is not None:
            found[use.file] = _content(trajectory_path(use.file, folder, f"{where}, trajectory"))
    return found


def renamed(sound: Sound, name: Callable[[str], str]) -> Sound:
    """The sound, with each trajectory file's name replaced by what `name` returns for it."""
    return _mapped(sound, lambda use: use if use.file is None else msgspec.structs.replace(use, file=name(use.file)))


def moved_beside(sound: Sound, source: Path | None, target: Path, where: object) -> Sound:
    """Copy a sound's trajectory files from `source` to `target`; return the sound with the copies' names.

    where: names the sound in messages.
    """
    if source is not None and source.resolve() == target.resolve():
        return sound
    contents = files_of(sound, source, where)
    for content in contents.values():
        put(content, target)
    return renamed(sound, lambda file: digest_name(contents[file]))


def outside(sound: Sound, target: Path) -> Sound:
    """Write a sound's inline base64 trajectories to files in `target`; return the sound with the files' names."""

    def written(use: SoundTrajectory) -> SoundTrajectory:
        if not isinstance(use.inline, str):
            return use
        content = base64.b64decode("".join(use.inline.split()))
        return msgspec.structs.replace(use, inline=None, file=put(content, target))

    return _mapped(sound, written)


def put(content: bytes, folder: Path) -> str:
    """Write a trajectory's bytes to a file in `folder`, unless it exists; return the file's name."""
    unpack(content, "trajectory")
    path = folder / digest_name(content)
    if not path.exists():
        with atomic_write(path, "wb") as stream:
            stream.write(content)
    return path.name


def _content(path: Path) -> bytes:
    content = read_bounded_file(path, "a trajectory", LARGEST_BYTES)
    unpack(content, path)
    return content


def _uses(sound: Sound) -> list[SoundTrajectory]:
    use = sound.trajectory
    return [] if use is None else [use] if isinstance(use, SoundTrajectory) else use


def _mapped(sound: Sound, change: Callable[[SoundTrajectory], SoundTrajectory]) -> Sound:
    use = sound.trajectory
    if use is None:
        return sound
    changed = change(use) if isinstance(use, SoundTrajectory) else [change(one) for one in use]
    return msgspec.structs.replace(sound, trajectory=changed)
