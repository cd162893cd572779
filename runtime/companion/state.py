"""Stores what `play` remembers from one run to the next, and its latest usable settings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file
from runtime.base.user_folders import state_folder
from runtime.config import Config
from runtime.instrument.card import Position

STATE_VERSION = 1
# For each older version, a function that converts its state to the next version.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
LARGEST_BYTES = 4 * 2**20

Db = Annotated[float, msgspec.Meta(ge=-60.0, le=12.0)]
TuneHz = Annotated[float, msgspec.Meta(ge=220.0, le=880.0)]


class Settings(msgspec.Struct, frozen=True):
    """Settings that the player can change while playing.

    volume_db: level of the whole sound.
    a4_hz: frequency of A4.
    """

    volume_db: Db = 0.0
    a4_hz: TuneHz = 440.0


class State(msgspec.Struct, frozen=True):
    """What `play` remembers from one run to the next.

    instrument: name or path of the .onnx file.
    sha256: digest of that file.
    sound: the sound with the player's changes, as the content of a sound's file. If the sound has parts, moves of knobs
        are not in this content, but only in the positions below.
    folder: the folder of the files that the sound names, or None.
    positions: position of each target, 0 to 1. If the sound has parts, these are the first part's positions.
    other_positions: for each further part, the positions of its targets.
    settings: the values when the run ended.
    configured: what the settings file said about the same settings when the run began. If the file says something else
        about one of them when the next run begins, that run takes the file's value, not the value in `settings`.
    """

    instrument: str
    sha256: str
    sound: dict[str, Any]
    folder: str | None = None
    positions: dict[str, Position] = {}
    other_positions: list[dict[str, Position]] = []
    settings: Settings = Settings()
    configured: Settings = Settings()
    state_version: int = STATE_VERSION


class _Versioned(msgspec.Struct, frozen=True):
    state_version: int = 1


def state_path() -> Path:
    return state_folder() / "state.json"


def write_state(state: State) -> None:
    """Replace the state's file. A power cut leaves either the whole old file or the whole new one."""
    with atomic_write(state_path(), "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(state), indent=1) + b"\n")


def read_state() -> State | None:
    """The remembered state; None if it has no file. UserError if the file is broken or from a newer Timbrebox."""
    path = state_path()
    if not path.exists():
        return None
    content = read_bounded_file(path, "a state", LARGEST_BYTES, "remove it")
    try:
        version = msgspec.json.decode(content, type=_Versioned).state_version
        if version <= STATE_VERSION:
            return msgspec.convert(_migrated(msgspec.json.decode(content), version), State)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(path, f"no state ({error})", "a state that play wrote", "remove it") from None
    found = f"version {version}, of a newer Timbrebox"
    raise UserError(path, found, f"version {STATE_VERSION} at most", "update Timbrebox, which then reads it")


def _migrated(tree: dict[str, Any], version: int) -> dict[str, Any]:
    for older in range(max(version, 1), STATE_VERSION):
        tree = MIGRATIONS[older](tree)
    return tree | {"state_version": STATE_VERSION}


def put_state_aside() -> Path:
    """Rename the state's file so that it is not used again, but can be looked at; return its new path.

    A broken state and a newer Timbrebox's state get different names, so that neither replaces the other.
    """
    path = state_path()
    aside = path.with_name("state.newer.json" if _is_newer(path) else "state.aside.json")
    with suppress(OSError):
        path.replace(aside)
    return aside


def _is_newer(path: Path) -> bool:
    with suppress(UserError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        content = read_bounded_file(path, "a state", LARGEST_BYTES)
        return msgspec.json.decode(content, type=_Versioned).state_version > STATE_VERSION
    return False


def settings_path() -> Path:
    """The file in which `write_settings` stores settings of `play`."""
    return state_folder() / "settings.json"


def write_settings(config: Config) -> None:
    """Store settings with which `play` has started, unless they are stored already.

    A service plays with them if its settings file is unusable at a later start.
    """
    if read_settings() != config:
        with atomic_write(settings_path(), "wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(config), indent=1) + b"\n")


def read_settings() -> Config | None:
    """The settings of `play` that were last stored; None if their file is missing or unreadable."""
    try:
        return msgspec.json.decode(read_bounded_file(settings_path(), "settings", LARGEST_BYTES), type=Config)
    except (UserError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
