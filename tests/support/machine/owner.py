"""An owner who plays, saves and updates, and remembers what must be kept after a power cut.

The service's files lie below `root`, the mount point of the machine's disk. "The record" is the record of block writes
(block_log.py).
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from runtime.companion.state import read_state
from runtime.link.client import Link
from runtime.service.places import HOME, PACKAGED, SETTINGS, STATE
from runtime.sound.file import load_sound

SOUNDS = tuple(f"cut {number}" for number in range(5))
SETTINGS_TEXT = 'volume_db: -3.0\naudio: {device: "null"}\n'
MINE = STATE / "sounds" / "mine.yaml"
MINE_TEXT = "sound_version: 1\nname: mine\nlevel_db: -4.0\n"
_PAGE = 4096
_PATIENCE_S = 120.0  # long, even for a note of 0.1 s: the machine is emulated, and its host may be busy


class _Save(NamedTuple):
    """One save of a sound.

    asked_at: the record's length in bytes before the save.
    done_at: the record's length in bytes after the save; None if the save has not ended.
    """

    level_db: float
    asked_at: int
    done_at: int | None


class Promises:
    """The saves and updates since the record began.

    first: each sound's level when the record began.
    """

    def __init__(self, first: dict[str, float]):
        self._first, self._saves = first, {name: [] for name in SOUNDS}
        self._versions: list[tuple[int, int]] = []

    def updated(self, version: int, n_bytes: int) -> None:
        """Remember that a version is installed; n_bytes: the record's length at this moment."""
        self._versions.append((version, n_bytes))

    def oldest_allowed(self, cut: int) -> int:
        """Number of the oldest version that may play after a power cut at byte `cut` of the record."""
        return max((version for version, done_at in self._versions if done_at <= cut), default=0)

    def save(self, link: Link, name: str, level_db: float, n_bytes: Callable[[], int]) -> None:
        """Save a sound, and remember when; n_bytes: a function that returns the present length of the record."""
        saves, asked_at = self._saves[name], n_bytes()
        saves.append(_Save(level_db, asked_at, None))
        link.ask("sounds.write", name=name, tree={"sound_version": 1, "level_db": level_db}, limit_s=60.0)
        saves[-1] = _Save(level_db, asked_at, n_bytes())

    def allowed(self, name: str, cut: int) -> set[float | None]:
        """Levels that a sound may have after a power cut at byte `cut` of the record, and None if it may be missing."""
        allowed: set[float | None] = {self._first.get(name)}
        for save in self._saves[name]:
            if save.done_at is not None and save.done_at <= cut:
                allowed = {save.level_db}
            elif save.asked_at <= cut:
                allowed.add(save.level_db)
        return allowed


def save_on(promises: Promises, link: Link, chance: random.Random, n_bytes: Callable[[], int]) -> None:
    promises.save(link, chance.choice(SOUNDS), -round(chance.uniform(0.0, 40.0), 3), n_bytes)
    play_on(link, chance)


def play_on(link: Link, chance: random.Random) -> None:
    link.ask("move", target="latent.1", position=chance.random(), limit_s=60.0)
    note = chance.randint(40, 80)
    link.ask("note", note=note, velocity=chance.randint(1, 127), channel=0, limit_s=60.0)
    link.ask("note", note=note, velocity=0, channel=0, limit_s=60.0)


def digests(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def packaged(tree: Path) -> dict[str, bytes]:
    return digests(tree / PACKAGED.relative_to("/"))


def levels(root: Path) -> dict[str, float]:
    folder = _below(root, STATE / "sounds")
    return {path.stem: load_sound(path).level_db for path in folder.glob("*.yaml") if path.stem in SOUNDS}


def playing_version(root: Path) -> int:
    return version_number((_below(root, HOME) / "current").readlink())


def version_number(folder: Path) -> int:
    """The number at the end of a version's name; a version that is installed later has a larger one."""
    return int(folder.name.rpartition("-")[2])


def check_files(
    root: Path,
    whole: dict[str, bytes],
    promises: Promises,
    cut: int,
    *,
    settings: str = SETTINGS_TEXT,
    is_thorough: bool = True,
) -> None:
    """Check that the playing version, the settings, the sounds and the state are whole, and that the promises are kept.

    whole: digests from `packaged`.
    cut: byte of the record at which the power was cut.
    settings: the text that the settings' file must have.
    is_thorough: whether all files of the version are read.
    """
    version = _below(root, HOME / "versions") / (_below(root, HOME) / "current").readlink().name
    assert playing_version(root) >= promises.oldest_allowed(cut), f"{version.name} plays, but a newer one was confirmed"
    if is_thorough:
        _check_version(version, whole)
    assert _below(root, SETTINGS).read_text() == settings
    assert _below(root, MINE).read_text() == MINE_TEXT
    found = levels(root)
    for name in SOUNDS:
        assert found.get(name) in promises.allowed(name, cut), (name, found.get(name), promises.allowed(name, cut))
    with _state_folder(_below(root, STATE)):
        read_state()


def _check_version(version: Path, whole: dict[str, bytes]) -> None:
    for name, digest in whole.items():
        assert _digest(version / name) == digest, f"{version / name} is not whole"
    for path in version.rglob("*.pyc"):
        _refuse_lost_page(path)


def listen(link: Link, is_heard: Callable[[], bool] = lambda: True) -> None:
    """Play short notes until one is played and heard, then wait until it has ended.

    is_heard: a function that tells whether a note was heard.
    """
    first = link.ask("health", limit_s=30.0)

    def plays() -> bool:
        link.ask("note", note=60, velocity=100, channel=0, limit_s=30.0)
        is_played = link.ask("health", limit_s=30.0)["notes"] > first["notes"]
        link.ask("note", note=60, velocity=0, channel=0, limit_s=30.0)
        return is_played and is_heard()

    _until(plays, "note")
    _until(lambda: link.ask("health", limit_s=30.0)["voices"] == 0, "end of the note")
    assert link.ask("health", limit_s=30.0)["blocks"] > first["blocks"]


def read_sounds(link: Link) -> None:
    known = {entry["name"] for entry in link.ask("sounds.list", limit_s=30.0)}
    for name in known:
        link.ask("sounds.read", name=name, limit_s=30.0)
    assert MINE.stem in known


def _until(condition: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, f"no {what}"
        time.sleep(0.05)


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _digest(path: Path) -> bytes:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()


def _refuse_lost_page(path: Path) -> None:
    """AssertionError if a file is empty, or if a piece of _PAGE bytes is all zeros.

    In a compiled Python file, such a piece would crash Python.
    """
    content = path.read_bytes()
    pages = [content[at : at + _PAGE] for at in range(0, len(content), _PAGE)]
    assert pages, f"{path} is empty"
    assert all(any(page) for page in pages), f"{path} has lost a page"


@contextmanager
def _state_folder(folder: Path) -> Iterator[None]:
    before = os.environ.get("STATE_DIRECTORY")
    os.environ["STATE_DIRECTORY"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["STATE_DIRECTORY"]
        else:
            os.environ["STATE_DIRECTORY"] = before
