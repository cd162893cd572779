"""Converts events to and from plain values and MIDI bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec

from runtime import events
from runtime.events import (
    Aftertouch,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    ProgramChange,
)

_TYPES: dict[str, type] = {each.__name__: each for each in get_args(events.Event)}
_MIDDLE = 8192

_BYTES: dict[type, Callable[[Any], tuple[int, ...]]] = {
    NoteOff: lambda e: (0x80 | e.channel, e.note, e.velocity),
    NoteOn: lambda e: (0x90 | e.channel, e.note, e.velocity),
    PolyTouch: lambda e: (0xA0 | e.channel, e.note, e.value),
    ControlChange: lambda e: (0xB0 | e.channel, e.control, e.value),
    ProgramChange: lambda e: (0xC0 | e.channel, e.program),
    Aftertouch: lambda e: (0xD0 | e.channel, e.value),
    PitchWheel: lambda e: (0xE0 | e.channel, (e.pitch + _MIDDLE) & 127, (e.pitch + _MIDDLE) >> 7),
}


def plain(event: Event) -> list[Any]:
    """An event as plain values for JSON: its type, then its fields."""
    return [type(event).__name__, *(msgspec.to_builtins(value) for value in msgspec.structs.astuple(event))]


def event_of(values: list[Any]) -> Event:
    """The event of a list made by `plain`; ValueError for any other list."""
    try:
        name, *fields = values
        kind = _TYPES[name]
        return msgspec.convert(dict(zip(kind.__struct_fields__, fields, strict=False)), kind)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no event ({error})") from None


def midi_bytes(event: Event) -> bytes | None:
    """The MIDI message for a channel event; None for other events or impossible values."""
    code = _BYTES.get(type(event))
    if code is None:
        return None
    values = code(event)
    valid = 0x80 <= values[0] <= 0xEF and all(0 <= value <= 127 for value in values[1:])
    # In MIDI, a note-on of velocity 0 is a note-off.
    return bytes(values) if valid and not (type(event) is NoteOn and event.velocity == 0) else None


def event_of_midi(status: int, data: bytes, device: int) -> Event:
    """The event for a MIDI channel message; data: its one or two data bytes."""
    channel, kind = status & 15, status >> 4
    if kind == 0x9 and data[1] == 0:
        return NoteOff(channel, data[0], 0, device)
    if kind == 0xE:
        return PitchWheel(channel, (data[0] | data[1] << 7) - _MIDDLE, device)
    makes = {0x8: NoteOff, 0x9: NoteOn, 0xA: PolyTouch, 0xB: ControlChange, 0xC: ProgramChange, 0xD: Aftertouch}
    return makes[kind](channel, *data, device)
