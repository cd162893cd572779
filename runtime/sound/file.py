"""Reads and writes a sound's YAML file."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from runtime.base.checked_yaml import checked, load_yaml
from runtime.base.errors import UserError
from runtime.base.files import atomic_write
from runtime.instrument.card import Position
from runtime.sound.motion import Modulation, refuse_unknown_names
from runtime.sound.sound import SOUND_VERSION, Sound, SoundPart, refuse_bad_name


def load_sound(path: str | Path) -> Sound:
    """Read a sound from a YAML file of at most 256 KiB.

    UserError if the file is unreadable, is of another sound_version, has an unknown key, or has a value out of range.
    The message names the file and the key.
    """
    return sound_from_tree(load_yaml(path, dict[str, Any]), path)


def sound_from_tree(tree: dict[str, Any], path: object) -> Sound:
    """The sound that a YAML file's values describe.

    path: the file. UserError as from `load_sound`; its message names this path.
    """
    # Check the version first: a file of a later version may have keys that this version does not know.
    version = tree.get("sound_version", SOUND_VERSION)
    if type(version) is not int or version != SOUND_VERSION:
        shown = repr(version) if isinstance(version, (int, float, str)) else f"a {type(version).__name__}"
        raise UserError(f"{path}, sound_version", shown, str(SOUND_VERSION), "use a Timbrebox that knows this version")
    if isinstance(tree.get("latents"), dict):
        for knob, position in tree["latents"].items():
            # Check each value by itself: msgspec's message about a dict's value does not name the key.
            refuse_bad_name(str(knob), f"{path}, latents")
            checked(position, Position, f"{path}, latents, {knob!r}")
    if isinstance(tree.get("modulation"), list):
        for number, each in enumerate(tree["modulation"]):
            # Check each item by itself: msgspec's message about a list's item does not give its number.
            checked(each, Modulation, f"{path}, modulation[{number}]")
    if isinstance(tree.get("parts"), list):
        for number, each in enumerate(tree["parts"]):
            checked(each, SoundPart, f"{path}, parts[{number}]")
    sound = checked(tree, Sound, path)
    if sound.name is not None:
        refuse_bad_name(sound.name, f"{path}, name")
    if sound.made_for is not None:
        refuse_bad_name(sound.made_for.name, f"{path}, instrument")
    refuse_unknown_names((("lfo_1", sound.lfo_1), ("lfo_2", sound.lfo_2)), sound.modulation, None, path)
    _refuse_bad_parts(sound, path)
    return sound


def save_sound(path: str | Path, sound: Sound, *, inputs: Iterable[str | Path] = ()) -> None:
    """Write a sound's YAML file. `inputs` and the errors are as in `atomic_write`."""
    with atomic_write(path, inputs=inputs) as stream:
        stream.write(sound_text(sound))


def sound_text(sound: Sound) -> str:
    """A sound as YAML, without default values."""
    return yaml.safe_dump(sound_tree(sound), sort_keys=False, allow_unicode=True, default_flow_style=False)


def sound_tree(sound: Sound) -> dict[str, Any]:
    """A sound as plain values, without default values."""
    return {"sound_version": sound.sound_version} | _said(sound)


def _said(struct: msgspec.Struct) -> dict[str, Any]:
    said = {}
    for field in _fields_of(type(struct)):
        value = getattr(struct, field.name)
        if value == field.default or value is None:
            continue
        said[field.name] = _plain(value)
    return said


@functools.cache  # each call leaves a reference cycle, and `play` runs without garbage collection
def _fields_of(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return _said(value)
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _refuse_bad_parts(sound: Sound, where: object) -> None:
    for number, part in enumerate(sound.parts):
        for name in ("keys", "velocity"):
            lowest, highest = getattr(part, name)
            if lowest > highest:
                expected = "the lowest first, then the highest"
                raise UserError(f"{where}, parts[{number}].{name}", f"[{lowest}, {highest}]", expected, "swap them")
    if not sound.parts:
        return
    for field in _fields_of(Sound):
        may_stay = field.name in ("sound_version", "name", "instrument", "level_db", "parts")
        if not may_stay and getattr(sound, field.name) != field.default:
            remedy = f"move {field.name} into the sounds of the parts"
            raise UserError(where, f"parts, and {field.name}", "parts with name, instrument and level_db", remedy)
