"""Tracks the keys and controllers held at one MIDI port, to release them."""

from __future__ import annotations

from runtime.control_numbers import PEDALS
from runtime.events import Aftertouch, ControlChange, Event, NoteOff, NoteOn, PitchWheel, PolyTouch


class HeldState:
    """The held keys, pedals, bends and pressures, each with the event that releases it."""

    def __init__(self) -> None:
        self._releases: dict[tuple[object, ...], Event] = {}

    def remember(self, event: Event) -> None:
        """Update the state with an event."""
        match event:
            case NoteOn(channel=channel, note=note, device=device):
                self._releases[NoteOff, channel, note] = NoteOff(channel, note, device=device)
            case NoteOff(channel=channel, note=note):
                self._releases.pop((NoteOff, channel, note), None)
            case ControlChange(channel=channel, control=control, value=value, device=device) if control in PEDALS:
                self._set((ControlChange, channel, control), value, ControlChange(channel, control, 0, device))
            case PitchWheel(channel=channel, pitch=pitch, device=device):
                self._set((PitchWheel, channel), pitch, PitchWheel(channel, 0, device))
            case Aftertouch(channel=channel, value=value, device=device):
                self._set((Aftertouch, channel), value, Aftertouch(channel, 0, device))
            case PolyTouch(channel=channel, note=note, value=value, device=device):
                self._set((PolyTouch, channel, note), value, PolyTouch(channel, note, 0, device))

    def _set(self, key: tuple[object, ...], value: int, release: Event) -> None:
        if value:
            self._releases[key] = release
        else:
            self._releases.pop(key, None)

    def releases(self) -> list[Event]:
        """Events that release all held keys and pedals, and end all bends and pressures."""
        return list(self._releases.values())
