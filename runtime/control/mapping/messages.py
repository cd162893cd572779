"""Interprets a channel message as a control."""

from __future__ import annotations

from runtime.control.mapping.bindings import key_of
from runtime.control.mapping.lines import Kind
from runtime.events import (
    Aftertouch,
    ChannelEvent,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    ProgramChange,
)

KINDS = {
    ControlChange: Kind.CC,
    PitchWheel: Kind.PITCH_WHEEL,
    Aftertouch: Kind.PRESSURE,
    PolyTouch: Kind.POLY_PRESSURE,
    ProgramChange: Kind.PROGRAM,
    NoteOn: Kind.NOTE,
    NoteOff: Kind.NOTE,
}


def number_of(event: ChannelEvent) -> int:
    """The number of the control, the program, or the pressed or released key; 0 for every other message."""
    kind = type(event)
    if kind is ControlChange:
        return event.control
    if kind is ProgramChange:
        return event.program
    return event.note if kind in (NoteOn, NoteOff) else 0


def key_of_event(event: Event) -> int | None:
    """The number that identifies the control that sends an event, as in `key_of`; None if no control sends it."""
    kind = KINDS.get(type(event))
    return None if kind is None else key_of(kind, event.channel, number_of(event))


def share_of(event: ChannelEvent) -> tuple[float, int]:
    """The control's position, 0 to 1, and its value as a switch, 0 to 127.

    A pressed key and a program change have 1 and 127, a released key has 0 and 0.
    """
    kind = type(event)
    if kind is PitchWheel:
        # The wheel's middle is exactly 0.5, although there are more steps below it than above it.
        return 0.5 + 0.5 * event.pitch / (8191.0 if event.pitch > 0 else 8192.0), max(0, event.pitch) >> 6
    if kind is NoteOff:
        return 0.0, 0
    if kind in (NoteOn, ProgramChange):
        return 1.0, 127
    return event.value / 127.0, event.value
