"""The params of the link's request `record`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

MOST_BEFORE_S = 15.0  # the most sound from before its start that a recording can include


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Start or stop a recording, or ask how long it is.

    format, bits: of the sound file.
    seconds_before: how much of the sound before the start to include.
    """

    do: Literal["start", "stop", "status"]
    format: Literal["wav", "flac"] = "wav"
    bits: Literal[16, 24] = 16
    seconds_before: Annotated[float, msgspec.Meta(ge=0.0, le=MOST_BEFORE_S)] = 0.0
