"""Converts mido's messages to the engine's events."""

from __future__ import annotations

import mido

from runtime.events import (
    ActiveSensing,
    Aftertouch,
    Clock,
    ClockContinue,
    ClockStart,
    ClockStop,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    Reset,
)

_EVENT_TYPES: dict[str, type] = {
    "note_on": NoteOn,
    "note_off": NoteOff,
    "polytouch": PolyTouch,
    "control_change": ControlChange,
    "program_change": ProgramChange,
    "aftertouch": Aftertouch,
    "pitchwheel": PitchWheel,
    "active_sensing": ActiveSensing,
    "clock": Clock,
    "start": ClockStart,
    "continue": ClockContinue,
    "stop": ClockStop,
    "reset": Reset,
}
_FIELDS = {
    name: [field for field in kind.__struct_fields__ if field != "device"] for name, kind in _EVENT_TYPES.items()
}
_OF_CHANNELS = frozenset(name for name, kind in _EVENT_TYPES.items() if "device" in kind.__struct_fields__)


def from_message(message: mido.Message | mido.MetaMessage, device: int = 0) -> Event | None:
    """The event for a mido message; None for a message that the engine does not use.

    A note_on of velocity 0 becomes a NoteOff.

    device: number of the MIDI input.
    """
    if message.type == "note_on" and message.velocity == 0:
        return NoteOff(message.channel, message.note, device=device)
    kind = _EVENT_TYPES.get(message.type)
    if kind is None:
        return None
    values = [getattr(message, field) for field in _FIELDS[message.type]]
    return kind(*values, device) if message.type in _OF_CHANNELS else kind(*values)
