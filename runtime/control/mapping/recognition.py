"""Recognises which control a player moves, and how its values are coded."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from runtime.control.mapping.lines import ControlId, Kind, Mode
from runtime.control_numbers import PROTOCOL, Control
from runtime.events import Aftertouch, ChannelEvent, ControlChange, NoteOn, PitchWheel, PolyTouch

_MOST_VALUES = 64
_SMALL_STEP = 16  # encoders that are turned fast send steps of up to this size
_TREMBLE = 2  # a control at rest may jitter by this much
_CLEAR = 6.0  # the clearness of an endless encoder is this plus the number of values that it sent


class Place(NamedTuple):
    """Where messages come from: a control of a device, on a channel."""

    device: int
    channel: int
    control: ControlId


class Movement:
    """What one control has sent.

    values: the first _MOST_VALUES values, 0 to 127.
    last: the latest value.
    last_s: when the latest value arrived, in s.
    """

    def __init__(self) -> None:
        self.values: list[int] = []
        self.last, self.last_s = 0, 0.0

    def add(self, value: int, now_s: float) -> None:
        """Record a value and its arrival time."""
        if len(self.values) < _MOST_VALUES:
            self.values.append(value)
        self.last, self.last_s = value, now_s

    @property
    def span(self) -> int:
        return max(self.values) - min(self.values)

    @property
    def mode(self) -> Mode:
        """How the values seem to be coded."""
        values = self.values
        if set(values) == {0, 127}:
            return "toggle"
        n_repeats = sum(a == b for a, b in itertools.pairwise(values))
        if n_repeats < max(2, len(values) // 3) or set(values) & {0, 64}:
            return "absolute"
        return _coding(set(values), len(values)) or "absolute"

    def clearness(self, kind: Kind) -> float:
        """How clearly the player moves this control. 0: not at all. 1 or more: clearly.

        kind: the control's kind.
        """
        if kind is Kind.NOTE:
            return 1.0
        if self.mode.startswith("relative"):
            return _CLEAR + len(self.values)
        if self.span > _TREMBLE:
            return float(self.span)
        # 2.0: only 0 or only 127, as from a switch. 0.5: another single value, perhaps a knob's first. 0.0: jitter.
        return 2.0 if set(self.values) <= {0, 127} else 0.5 if len(self.values) == 1 else 0.0


def _coding(values: set[int], n_values: int) -> Mode | None:
    up, down = {v for v in values if v <= _SMALL_STEP}, {v for v in values if v >= 128 - _SMALL_STEP}
    above = {v for v in values if 65 <= v <= 64 + _SMALL_STEP}
    below = {v for v in values if 64 - _SMALL_STEP <= v <= 63}
    if values == {127} and n_values < 5:
        return None  # it is a switch that sends only presses
    if values == up | down:
        return "relative_twos_complement"
    if values == up | above and up:
        return "relative_sign_bit"
    # If all values are above 64, they are steps up (relative_binary_offset) or steps down (relative_sign_bit). Players
    # first turn a knob to the right, so steps up are likelier.
    return "relative_binary_offset" if values == above | below else None


class Recognition:
    """Collects what controls send, and says which control has moved most clearly."""

    def __init__(self) -> None:
        self._movements: dict[Place, Movement] = {}
        # For each (device, channel), the chosen parameter: [MSB, LSB, 1 for an NRPN or 0 for an RPN].
        self._parameters: dict[tuple[int, int], list[int]] = {}

    def add(self, event: ChannelEvent, now_s: float) -> None:
        """Record an event and the time at which it arrived, in seconds."""
        found = self._control(event)
        if found is not None:
            control, value = found
            place = Place(event.device, event.channel, control)
            self._movements.setdefault(place, Movement()).add(value, now_s)

    def _control(self, event: ChannelEvent) -> tuple[ControlId, int] | None:
        match event:
            case ControlChange():
                return self._of_control_change(event)
            case PitchWheel(pitch=pitch):
                return ControlId(Kind.PITCH_WHEEL), (pitch + 8192) >> 7
            case Aftertouch(value=value):
                return ControlId(Kind.PRESSURE), value
            case PolyTouch(value=value):
                return ControlId(Kind.POLY_PRESSURE), value
            case NoteOn(note=note):
                return ControlId(Kind.NOTE, note), 127
        return None

    def _of_control_change(self, event: ControlChange) -> tuple[ControlId, int] | None:
        number, value = event.control, event.value
        origin = event.device, event.channel
        if number in (Control.NRPN_MSB, Control.NRPN_LSB, Control.RPN_MSB, Control.RPN_LSB):
            chosen = self._parameters.setdefault(origin, [127, 127, 0])
            chosen[0 if number in (Control.NRPN_MSB, Control.RPN_MSB) else 1] = value
            chosen[2] = int(number in (Control.NRPN_MSB, Control.NRPN_LSB))
            return None
        if number in (Control.DATA_ENTRY, Control.DATA_ENTRY_LSB) and origin in self._parameters:
            msb, lsb, non_registered = self._parameters[origin]
            is_knob = non_registered and number == Control.DATA_ENTRY
            return (ControlId(Kind.NRPN, msb << 7 | lsb), value) if is_knob else None
        return None if number in PROTOCOL else (ControlId(Kind.CC, number), value)

    def best(self, can_have_steps: bool = True) -> tuple[Place, Movement, float] | None:
        """The control that has moved most clearly, its movement, and its clearness; None if none has moved.

        can_have_steps: False to find a switch. Then NRPNs do not count, and the two halves of a 14-bit control count
            as separate controls.
        """
        found = [
            (movement.clearness(place.control.kind), place, movement)
            for place, movement in self._movements.items()
            if can_have_steps or place.control.kind is not Kind.NRPN
        ]
        if not found:
            return None
        clearness, place, movement = max(found, key=lambda each: each[0])
        if can_have_steps:
            place, movement = self._joined(place, movement)
        return place, movement, clearness

    def _joined(self, place: Place, movement: Movement) -> tuple[Place, Movement]:
        kind, number = place.control
        if kind is not Kind.CC or number >= 64:
            return place, movement
        upper = place._replace(control=ControlId(Kind.CC, number % 32))
        lower = place._replace(control=ControlId(Kind.CC, number % 32 + 32))
        counts = [len(self._movements[half].values) if half in self._movements else 0 for half in (upper, lower)]
        # If the lower half has sent a single message, or far fewer than the upper half, it may be a control of its own.
        # If it has sent more than the upper half, both are still one control: a sender may leave out an unchanged MSB.
        if min(counts) == 0 or counts[1] < 2 or 2 * counts[1] < counts[0]:
            return place, movement
        return place._replace(control=ControlId(Kind.CC14, number % 32)), self._movements[upper]
