"""The params of the link's request `moves`."""

from __future__ import annotations

from typing import Annotated

import msgspec

MOST_TARGETS = 64

Position = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Moves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Move several targets together. positions: the new position of each target, 0 to 1 of its travel."""

    positions: Annotated[dict[Name, Position], msgspec.Meta(max_length=MOST_TARGETS)]
