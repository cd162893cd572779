"""The parts of a sound that layers or splits others: structures in its YAML file."""

from __future__ import annotations

from typing import Annotated

import msgspec

from runtime.base.errors import UserError

MOST_PARTS = 4
Key = Annotated[int, msgspec.Meta(ge=0, le=127)]
Velocity = Annotated[int, msgspec.Meta(ge=1, le=127)]


class SoundPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One part: which sound, and which notes play it.

    sound: name of a sound of any instrument, or of the user's, or path of a .yaml file from this file's folder on.
    instrument: the instrument whose sound it is; None: the first that has a sound of this name, or the one that the
    sound names. channel: 1 to 16; None: all. keys, velocity: lowest and highest. transpose: -48 to 48 semitones.
    level_db: -60 to 12 dB. pan: -1 to 1. send: factor, 0 to 1, of what the sound sends to the effects.
    """

    sound: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    instrument: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None
    channel: Annotated[int, msgspec.Meta(ge=1, le=16)] | None = None
    keys: tuple[Key, Key] = (0, 127)
    velocity: tuple[Velocity, Velocity] = (1, 127)
    transpose: Annotated[int, msgspec.Meta(ge=-48, le=48)] = 0
    level_db: Annotated[float, msgspec.Meta(ge=-60.0, le=12.0)] = 0.0
    pan: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] = 0.0
    send: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0


SoundParts = Annotated[tuple[SoundPart, ...], msgspec.Meta(max_length=MOST_PARTS)]


def refuse_bad_parts(sound: msgspec.Struct, where: object) -> None:
    """UserError that begins with `where` for a range that is upside down, or for keys that belong into a part's sound.

    sound: a Sound; besides its parts it may say its name, its instrument and its level.
    """
    for number, part in enumerate(sound.parts):
        for name in ("keys", "velocity"):
            lowest, highest = getattr(part, name)
            if lowest > highest:
                expected = "the lowest first, then the highest"
                raise UserError(f"{where}, parts[{number}].{name}", f"[{lowest}, {highest}]", expected, "swap them")
    if not sound.parts:
        return
    for field in msgspec.structs.fields(sound):
        may_stay = field.name in ("sound_version", "name", "instrument", "level_db", "parts")
        if not may_stay and getattr(sound, field.name) != field.default:
            remedy = f"move {field.name} into the sounds of the parts"
            raise UserError(where, f"parts, and {field.name}", "parts with name, instrument and level_db", remedy)
