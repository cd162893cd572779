"""The playing process's requests about the user's sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec

from runtime.companion.serving import Companion
from runtime.companion.sounds import operations
from runtime.companion.sounds.marks import Mark, mark, read_marks
from runtime.link.messages import NoParams
from runtime.sound.file import sound_tree
from runtime.sound.own import BANK_SIZE, KnownSound, own_sound, own_sound_at, sounds_folder, user_sounds


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sound's name."""

    name: str


class Renamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sound's name, and the new name of the sound or of its copy."""

    name: str
    new_name: str


class Numbered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sound's MIDI number: bank * 128 + program."""

    number: int


class Save(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sound to save.

    name: None for a new name, such as "Sound 7".
    folder: the folder of the sound's trajectory files, or None.
    """

    tree: dict[str, Any]
    name: str | None = None
    folder: str | None = None


class MarkSound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sound, named as in `read_marks`, and its new mark."""

    sound: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    mark: Mark = Mark()


def add_sounds(companion: Companion) -> None:
    """Let a companion answer the requests about the user's sounds."""
    companion.add("sounds.list", NoParams, lambda _params: [_row(known) for known in user_sounds().values()])
    companion.add("sounds.read", Named, lambda params: _read(own_sound(params.name)))
    companion.add("sounds.at", Numbered, lambda params: _read(own_sound_at(params.number)))
    companion.add("sounds.save", Save, _save)
    companion.add("sounds.rename", Renamed, lambda params: _row(operations.rename(params.name, params.new_name)))
    companion.add("sounds.copy", Renamed, lambda params: _row(operations.copy(params.name, params.new_name)))
    companion.add("sounds.delete", Named, lambda params: operations.delete(params.name))
    companion.add("sounds.undo", NoParams, lambda _params: operations.undo())
    companion.add("sounds.marks", NoParams, lambda _params: msgspec.to_builtins(read_marks()))
    companion.add("sounds.mark", MarkSound, lambda params: msgspec.to_builtins(mark(params.sound, params.mark)))


def _save(params: Save) -> dict[str, object]:
    saved = operations.save_tree(params.name, params.tree, Path(params.folder) if params.folder else None)
    known = user_sounds().get(saved.name)
    number = None if known is None or known.bank is None else BANK_SIZE * known.bank + known.program
    return {"name": saved.name, "file": str(saved.path), "replaced": saved.replaced, "number": number}


def _read(known: KnownSound) -> dict[str, object]:
    return _row(known) | {"tree": sound_tree(known.read()), "folder": str(sounds_folder()), "file": str(known.source)}


def _row(known: KnownSound) -> dict[str, object]:
    return {"name": known.name, "bank": known.bank, "program": known.program}
