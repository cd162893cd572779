"""Favourites and tags of the user's own sounds and of the instruments' sounds, all in one small file."""

from __future__ import annotations

from typing import Annotated

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file
from runtime.base.user_folders import data_folder

LARGEST_BYTES = 4 * 2**20
MOST_TAGS = 12
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a user has marked a sound."""

    favourite: bool = False
    tags: Annotated[tuple[Tag, ...], msgspec.Meta(max_length=MOST_TAGS)] = ()


def read_marks() -> dict[str, Mark]:
    """All marks. A key is `INSTRUMENT/NAME`, or `/NAME` for a user's sound. UserError if the file is broken."""
    path = data_folder() / "marks.json"
    if not path.exists():
        return {}
    content = read_bounded_file(path, "a file of marks", LARGEST_BYTES, "remove it")
    try:
        return msgspec.json.decode(content, type=dict[str, Mark])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(path, f"no marks ({error})", "marks that the page wrote", "remove it") from None


def mark(sound: str, mark: Mark) -> dict[str, Mark]:
    """Replace the mark of one sound; return all marks. UserError if the file is broken or cannot be written."""
    marks = {name: each for name, each in read_marks().items() if name != sound}
    if mark != Mark():
        marks[sound] = mark
    with atomic_write(data_folder() / "marks.json", "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(marks), indent=1) + b"\n")
    return marks
