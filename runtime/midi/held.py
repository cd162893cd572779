"""What one MIDI port holds down, and the events that release it."""

from __future__ import annotations

from runtime.events import Aftertouch, ControlChange, Event, NoteOff, NoteOn, PitchWheel, PolyTouch

_PEDALS = (64, 66, 67)


class Resting:
    """What one port holds down or has moved: the events that bring it all back to rest, should the port vanish."""

    def __init__(self) -> None:
        self._rest: dict[tuple[object, ...], Event] = {}

    def note(self, event: Event) -> None:
        """Remember what this event leaves to undo."""
        match event:
            case NoteOn(channel=channel, note=note):
                self._rest[NoteOff, channel, note] = NoteOff(channel, note)
            case NoteOff(channel=channel, note=note):
                self._rest.pop((NoteOff, channel, note), None)
            case ControlChange(channel=channel, control=control, value=value) if control in _PEDALS:
                self._set((ControlChange, channel, control), value, ControlChange(channel, control, 0))
            case PitchWheel(channel=channel, pitch=pitch):
                self._set((PitchWheel, channel), pitch, PitchWheel(channel, 0))
            case Aftertouch(channel=channel, value=value):
                self._set((Aftertouch, channel), value, Aftertouch(channel, 0))
            case PolyTouch(channel=channel, note=note, value=value):
                self._set((PolyTouch, channel, note), value, PolyTouch(channel, note, 0))

    def _set(self, key: tuple[object, ...], value: int, rest: Event) -> None:
        if value:
            self._rest[key] = rest
        else:
            self._rest.pop(key, None)

    def events(self) -> list[Event]:
        """Everything that brings the port to rest."""
        return list(self._rest.values())
