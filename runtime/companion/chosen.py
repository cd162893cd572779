"""Settings that the player changes without editing the settings file.

A change takes effect at the next start of `play`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.base.files import atomic_write, read_bounded_file
from runtime.base.user_folders import state_folder
from runtime.companion.serving import Companion
from runtime.config import Config

LARGEST_BYTES = 64 * 2**10
FILE_NAME = "chosen.json"


class Kind(NamedTuple):
    """A setting that the player may change.

    section: its section of the settings.
    choices: the possible values; None for any number from `lowest` to `highest`.
    """

    section: str
    choices: tuple[Any, ...] | None = None
    lowest: float | None = None
    highest: float | None = None


KINDS = {
    "buffer_frames": Kind("audio", (64, 128, 256, 512, 1024, 2048)),
    "a4_hz": Kind("tuning", None, 415.0, 466.0),
    "n_voices": Kind("voice", (4, 8, 12, 16, 24, 32)),
    "chime": Kind("audio", (None, True, False)),
}


class Chosen(msgspec.Struct, frozen=True):
    """A chosen value. instead_of: the value that the settings file had when the player chose."""

    value: Any
    instead_of: Any


class Choose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose a value for the setting `name`.

    file: the settings in the settings file.
    is_back: whether to use the value in `file` again.
    """

    file: Config
    name: str
    value: Any = None
    is_back: bool = False


def with_chosen(config: Config) -> Config:
    """The settings with the chosen values, except where the settings file was changed after the choice."""
    for name, chosen in _read().items():
        if name in KINDS and value_of(config, name) == chosen.instead_of and _is_allowed(name, chosen.value):
            section = msgspec.structs.replace(getattr(config, KINDS[name].section), **{name: chosen.value})
            config = msgspec.structs.replace(config, **{KINDS[name].section: section})
    return config


class AskChosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for the settings that may be changed. file: the settings in the settings file."""

    file: Config


def value_of(config: Config, name: str) -> Any:
    return getattr(getattr(config, KINDS[name].section), name)


def add_chosen(companion: Companion) -> None:
    """Let the companion answer the requests `chosen` and `choose`."""
    companion.add("chosen", AskChosen, lambda asked: rows(asked.file))
    companion.add("choose", Choose, _choose)


def rows(file: Config) -> list[dict[str, Any]]:
    """One row for each setting in KINDS.

    file: the settings in the settings file.

    A row has these keys:
    name: the setting's name.
    value: the value that the setting has from the next start of `play`.
    default: the built-in value.
    in_file: the value in the settings file.
    choices, lowest, highest: the possible values, as in Kind.
    """
    config, default = with_chosen(file), Config()
    return [
        {"name": name, "value": value_of(config, name), "default": value_of(default, name)}
        | {"in_file": value_of(file, name), "choices": kind.choices, "lowest": kind.lowest, "highest": kind.highest}
        for name, kind in KINDS.items()
    ]


def _choose(asked: Choose) -> list[dict[str, Any]]:
    """Store a choice, or remove the stored one if `is_back`, and return all rows.

    UserError for an unknown setting or a value that cannot be chosen.
    """
    if asked.name not in KINDS:
        remedy = did_you_mean(asked.name, KINDS)
        raise UserError("setting", repr(asked.name[:100]), "a setting that the page may change", remedy)
    kept = _read()
    kept.pop(asked.name, None)
    if not asked.is_back:
        if not _is_allowed(asked.name, asked.value):
            kind = KINDS[asked.name]
            expected = f"one of {kind.choices}" if kind.choices else f"{kind.lowest:g} to {kind.highest:g}"
            raise UserError(f"setting {asked.name}", repr(asked.value), expected, "choose such a value")
        kept[asked.name] = Chosen(asked.value, value_of(asked.file, asked.name))
    with atomic_write(state_folder() / FILE_NAME, "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    return rows(asked.file)


def _is_allowed(name: str, value: object) -> bool:
    kind = KINDS[name]
    if kind.choices is not None:
        return any(value is choice or (type(value) is type(choice) and value == choice) for choice in kind.choices)
    return isinstance(value, int | float) and not isinstance(value, bool) and kind.lowest <= value <= kind.highest


def _read() -> dict[str, Chosen]:
    with suppress(UserError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        content = read_bounded_file(state_folder() / FILE_NAME, "chosen settings", LARGEST_BYTES, "remove it")
        return msgspec.json.decode(content, type=dict[str, Chosen])
    return {}
