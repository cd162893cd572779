"""Remembers the controllers' values on all channels, to set the controllers of a new engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from runtime.control_numbers import Control
from runtime.events import (
    ActiveSensing,
    Aftertouch,
    ControlChange,
    Event,
    MapChange,
    PitchWheel,
    Reset,
    Tempo,
    VoiceLimit,
)

_SELECTS = (Control.RPN_MSB, Control.RPN_LSB)
_UNSELECTS = (Control.NRPN_MSB, Control.NRPN_LSB)
_NO_PARAMETER = (127, 127)  # MIDI 1.0: RPN 127, 127 selects no parameter
_DATA = (Control.DATA_ENTRY, Control.DATA_ENTRY_LSB)
# CC 121 changes neither these controls nor the values of registered parameters. Source: RP-015.
_STAY = (Control.VOLUME, Control.PAN, Control.BANK_SELECT, Control.BANK_SELECT_LSB)


class ChannelMemory:
    """The latest event of each controller, in the order of arrival.

    is_mapped: returns whether an event's control moves a target or starts an action. Events of such controls are not
    remembered, because the targets of another sound have other positions.
    """

    def __init__(self, is_mapped: Callable[[Event], bool]):
        self._is_mapped = is_mapped
        self._said: dict[tuple, list[Event]] = {}
        self._parameter: dict[int, list[int]] = {}  # for each channel, MSB and LSB of the chosen parameter

    def hear(self, event: Event) -> None:
        """Remember an event that sets a controller. At a Reset, forget the controllers of all channels."""
        match event:
            case ControlChange():
                self._hear_control(event, self._is_mapped(event))
            case PitchWheel() | Aftertouch():
                self._say((event.channel, type(event)), [event])
            case MapChange():
                self._say((MapChange, event.device), [event])
            case Tempo() | VoiceLimit() | ActiveSensing():
                self._say((type(event),), [event])
            case Reset():
                self._said = {key: said for key, said in self._said.items() if isinstance(key[0], type)}
                self._parameter.clear()

    def events(self) -> list[Event]:
        """Return the events that set a new engine's controllers to the present values."""
        said = [event for events in self._said.values() for event in events]
        for channel, (msb, lsb) in self._parameter.items():
            said += [ControlChange(channel, Control.RPN_MSB, msb), ControlChange(channel, Control.RPN_LSB, lsb)]
        return said

    def remember(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, ControlChange):
                self._hear_control(event, is_mapped=False)  # these are from `events`, which returns no mapped control
            else:
                self.hear(event)

    def _say(self, key: tuple, events: list[Event]) -> None:
        self._said.pop(key, None)  # so that the newest events are last in the dict
        self._said[key] = events

    def _hear_control(self, event: ControlChange, is_mapped: bool) -> None:
        channel, control = event.channel, event.control
        if control in _SELECTS:
            self._parameter.setdefault(channel, [*_NO_PARAMETER])[control == Control.RPN_LSB] = event.value
        elif control in _UNSELECTS:
            self._unselect(channel)
        elif control in _DATA:
            self._hear_data(event)
        elif control == Control.RESET_ALL_CONTROLLERS:
            self._reset_controllers(channel)
        elif control < Control.ALL_SOUND_OFF and not is_mapped:
            self._say((channel, control), [event])

    def _hear_data(self, event: ControlChange) -> None:
        msb, lsb = self._parameter.get(event.channel, _NO_PARAMETER)
        if (msb, lsb) != _NO_PARAMETER:
            chosen = [ControlChange(event.channel, Control.RPN_MSB, msb)]
            chosen += [ControlChange(event.channel, Control.RPN_LSB, lsb), event]
            self._say((event.channel, event.control, msb, lsb), chosen)

    def _reset_controllers(self, channel: int) -> None:
        # Also keep the values of registered parameters: the entries whose keys have four items.
        self._said = {
            key: said for key, said in self._said.items() if key[0] != channel or len(key) == 4 or key[1] in _STAY
        }
        self._unselect(channel)

    def _unselect(self, channel: int) -> None:
        """Select no parameter: data entry sets nothing until a parameter is selected again."""
        if channel in self._parameter:
            self._parameter[channel] = [*_NO_PARAMETER]
