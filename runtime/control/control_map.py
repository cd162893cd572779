"""Moves targets by MIDI controls, each device by its own map."""

from __future__ import annotations

from typing import Any

from runtime.config import Config
from runtime.control.knobs import Knobs
from runtime.control.mapping.bindings import Binding, Bindings, bind, bind_plain, key_of
from runtime.control.mapping.layers import configured_lines
from runtime.control.mapping.lines import Kind
from runtime.control.mapping.takeover import Takeover
from runtime.control.targets import waits_for_hop
from runtime.control_numbers import PEDALS, Control
from runtime.events import (
    Action,
    Aftertouch,
    ChannelEvent,
    Clock,
    ControlChange,
    Event,
    KnobTurn,
    NoteOff,
    NoteOn,
    PhaseBlend,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    TargetMove,
    Tempo,
)

PRESSED = 64  # as for MIDI's pedals: a switch is down from this value on
_NO_PARAMETER = -1
_KINDS = {
    ControlChange: Kind.CC,
    PitchWheel: Kind.PITCH_WHEEL,
    Aftertouch: Kind.PRESSURE,
    PolyTouch: Kind.POLY_PRESSURE,
    ProgramChange: Kind.PROGRAM,
    NoteOn: Kind.NOTE,
    NoteOff: Kind.NOTE,
}


class _Halves:
    """A 14-bit control: its two halves, and whether the less significant one ever came."""

    __slots__ = ("has_lsb", "lsb", "msb")

    def __init__(self) -> None:
        self.msb = self.lsb = 0
        self.has_lsb = False

    def share(self, part: int, value: int) -> float:
        """The control's share of its travel after one of its halves has come.

        The halves come one after the other. Until the second one is there, the first one moves the control no further
        than it must, so that it never turns back on its way.
        """
        if part == 2:
            self.lsb, self.has_lsb = value, True
        elif value != self.msb:
            self.lsb = 0 if value > self.msb else 127
            self.msb = value
        if not self.has_lsb:
            return self.msb / 127.0
        return (self.msb << 7 | self.lsb) / 16383.0


class _Side:
    """What is remembered of one device's channel: 14-bit halves, the chosen parameter, takeovers and switches."""

    __slots__ = ("halves", "parameter", "parameter_msb", "pressed", "takeovers", "touched")

    def __init__(self) -> None:
        self.halves: dict[int, _Halves] = {}
        self.takeovers: dict[int, Takeover] = {}
        self.pressed: dict[int, int] = {}  # last value of each switch that moves a target
        self.touched: dict[int, int] = {}  # last value of each switch that starts an action
        self.parameter = _NO_PARAMETER
        self.parameter_msb = 127


class ControlMap:
    """Which MIDI control moves which target; a device without a map of its own has the map that the settings give.

    All state follows from the events in their order, so the same events always give the same positions.
    """

    def __init__(self, config: Config):
        self._common = bind(configured_lines(config))
        self._bindings: dict[int, Bindings] = {}
        self._sides: dict[int, _Side] = {}

    def use(self, device: int, bindings: Bindings) -> None:
        """Use another map for a device from now on; its controls begin anew."""
        self._bindings[device] = bindings
        for side in [side for side in self._sides if side >> 4 == device]:
            del self._sides[side]

    def move(self, event: ChannelEvent, knobs: Knobs) -> bool:
        """Move the targets that the control belongs to; False if the event has another meaning, too.

        A pedal or a key that comes up is never taken away from the voices: a note that it holds would not end.
        """
        kind = _KINDS[type(event)]
        if kind is Kind.CC:
            return self._move_by_control(event, knobs)
        bindings = self._bindings.get(event.device, self._common)
        if kind not in bindings.kinds:
            return False
        number = _number(event)
        found = bindings.moved.get(key_of(kind, event.channel, number))
        if found is not None:
            side = self._side(event)
            for binding in found:
                self._apply(binding, side, *_share(event), knobs)
        elif key_of(kind, event.channel, number) not in bindings.actions:
            return False
        return type(event) is not NoteOff

    def _move_by_control(self, event: ControlChange, knobs: Knobs) -> bool:
        bindings = self._bindings.get(event.device, self._common)
        if Kind.NRPN in bindings.kinds and self._move_by_parameter(event, bindings, knobs):
            return True
        key = event.channel << 14 | event.control
        found = bindings.moved.get(key)
        if found is None:
            taken = key in bindings.actions
        else:
            taken, side = True, self._side(event)
            for binding in found:
                if binding.part:
                    halves = side.halves.get(binding.index)
                    if halves is None:
                        halves = side.halves[binding.index] = _Halves()
                    share = halves.share(binding.part, event.value)
                else:
                    share = event.value / 127.0
                self._apply(binding, side, share, event.value, knobs)
        return taken and not (event.control in PEDALS and event.value < PRESSED)

    def _move_by_parameter(self, event: ControlChange, bindings: Bindings, knobs: Knobs) -> bool:
        """Follow MIDI's choice of a non-registered parameter; True if the event was data of one that moves a target."""
        control, side = event.control, self._side(event)
        if control == Control.NRPN_MSB:
            side.parameter_msb, side.parameter = event.value, _NO_PARAMETER
        elif control == Control.NRPN_LSB:
            side.parameter = side.parameter_msb << 7 | event.value
        elif control in (Control.RPN_LSB, Control.RPN_MSB):
            side.parameter = _NO_PARAMETER
        elif control in (Control.DATA_ENTRY, Control.DATA_ENTRY_LSB) and side.parameter != _NO_PARAMETER:
            key = key_of(Kind.NRPN, event.channel, side.parameter)
            found = bindings.moved.get(key, ())
            for binding in found:
                halves = side.halves.get(binding.index)
                if halves is None:
                    halves = side.halves[binding.index] = _Halves()
                share = halves.share(1 if control == Control.DATA_ENTRY else 2, event.value)
                self._apply(binding, side, share, int(share * 127.0), knobs)
            return bool(found)
        return False

    def _apply(self, binding: Binding, side: _Side, share: float, value: int, knobs: Knobs) -> None:
        """Move a binding's target, for a control at a share of its travel; value: from 0 to 127."""
        stands = knobs.position(binding.target)
        if stands is None:
            return
        mode = binding.mode
        if mode == "absolute":
            position = _absolute(binding, side, share, stands)
        elif mode == "toggle":
            before = side.pressed.get(binding.index, 0)
            side.pressed[binding.index] = value
            position = _other_end(binding, stands) if _is_press(before, value) else None
        else:
            position = _stepped(binding, stands, _steps(mode, value))
        if position is not None:
            knobs.move(binding.target, position)

    def action(self, event: Event) -> Action | None:
        """The action that a control starts; only a press starts one, not a release.

        Give each event once, in the order of the frames.
        """
        kind = _KINDS.get(type(event))
        if kind is None:
            return None
        bindings = self._bindings.get(event.device, self._common)
        if not bindings.actions:
            return None
        key = key_of(kind, event.channel, _number(event))
        action = bindings.actions.get(key)
        if action is None:
            return None
        touched, value = self._side(event).touched, _share(event)[1]
        # A program is always on, so each one is a press.
        before, touched[key] = touched.get(key, 0), 0 if kind is Kind.PROGRAM else value
        return action if _is_press(before, value) else None

    def is_mapped(self, event: Event) -> bool:
        """Whether the event's control moves a target or starts an action; data of parameters do not count."""
        kind = _KINDS.get(type(event))
        if kind is None:
            return False
        bindings = self._bindings.get(event.device, self._common)
        key = key_of(kind, event.channel, _number(event))
        return key in bindings.moved or key in bindings.actions

    def may_wait_for_hop(self, event: Event) -> bool:
        """Whether an event changes only the next spectra, the blend of phases or the tempo, and may wait for a hop."""
        if isinstance(event, ControlChange):
            bindings = self._bindings.get(event.device, self._common)
            return event.channel << 14 | event.control in bindings.waiting
        if isinstance(event, TargetMove):
            return waits_for_hop(event.target)
        return isinstance(event, (KnobTurn, PhaseBlend, Clock, Tempo))

    def memory(self) -> dict[str, dict[int, Any]]:
        """The devices' maps, and what their controls' positions have left behind, as plain values, for `remember`."""
        maps = {device: list(bindings.plain) for device, bindings in self._bindings.items()}
        sides = {
            number: (
                {index: (each.msb, each.lsb, each.has_lsb) for index, each in side.halves.items()},
                {index: each.place for index, each in side.takeovers.items()},
                dict(side.pressed),
                dict(side.touched),
                side.parameter,
                side.parameter_msb,
            )
            for number, side in self._sides.items()
        }
        return {"maps": maps, "sides": sides}

    def remember(self, memory: dict[str, dict[int, Any]]) -> None:
        """Go on from where another one was; ValueError for what is no `memory`."""
        self._bindings = {device: bind_plain(lines) for device, lines in memory.get("maps", {}).items()}
        self._sides.clear()
        for number, side_memory in memory.get("sides", {}).items():
            halves, takeovers, pressed, touched, parameter, parameter_msb = side_memory
            side = self._sides[number] = _Side()
            side.pressed, side.touched = dict(pressed), dict(touched)
            side.parameter, side.parameter_msb = parameter, parameter_msb
            for index, (msb, lsb, has_lsb) in halves.items():
                side.halves[index] = half = _Halves()
                half.msb, half.lsb, half.has_lsb = msb, lsb, has_lsb
            for index, place in takeovers.items():
                side.takeovers[index] = Takeover()
                side.takeovers[index].place = place

    def _side(self, event: ChannelEvent) -> _Side:
        number = event.device << 4 | event.channel
        side = self._sides.get(number)
        if side is None:
            side = self._sides[number] = _Side()
        return side


def _number(event: ChannelEvent) -> int:
    kind = type(event)
    if kind is ControlChange:
        return event.control
    if kind is ProgramChange:
        return event.program
    return event.note if kind in (NoteOn, NoteOff) else 0


def _share(event: ChannelEvent) -> tuple[float, int]:
    """The control's share of its travel, and from 0 to 127 how far it is pressed; a key is up or down."""
    kind = type(event)
    if kind is PitchWheel:
        # The middle is a half exactly, although there is one step more below it.
        return 0.5 + 0.5 * event.pitch / (8191.0 if event.pitch > 0 else 8192.0), max(0, event.pitch) >> 6
    if kind is NoteOff:
        return 0.0, 0
    if kind in (NoteOn, ProgramChange):
        return 1.0, 127
    return event.value / 127.0, event.value


def _is_press(before: int, value: int) -> bool:
    """Whether a switch goes down; a value that comes again is a press of a switch that never says that it is up."""
    return value >= PRESSED and (before < PRESSED or value == before)


def _absolute(binding: Binding, side: _Side, share: float, stands: float) -> float | None:
    place = binding.place(share)
    if binding.takeover == "jump":
        return place
    takeover = side.takeovers.get(binding.index)
    if takeover is None:
        takeover = side.takeovers[binding.index] = Takeover()
    start, end = binding.start, binding.start + binding.travel
    low, high = (start, end) if start <= end else (end, start)
    move = takeover.pick_up if binding.takeover == "pick_up" else takeover.scale
    return move(place, stands, low, high)


def _other_end(binding: Binding, stands: float) -> float:
    """The end of the range at which the target does not stand."""
    start, end = binding.start, binding.start + binding.travel
    if binding.inverted:
        start, end = end, start
    return start if abs(stands - end) <= abs(stands - start) else end


def _steps(mode: str, value: int) -> int:
    """The number of steps up, or below 0 down, that a relative control says."""
    if mode == "relative_twos_complement":
        return value if value < 64 else value - 128
    if mode == "relative_binary_offset":
        return value - 64
    return value if value < 64 else 64 - value


def _stepped(binding: Binding, stands: float, steps: int) -> float:
    """Where steps lead the target; it stops at the ends of the range, but never jumps back into it."""
    low = min(binding.start, binding.start + binding.travel)
    high = max(binding.start, binding.start + binding.travel)
    moved = stands + steps * binding.step
    return min(moved, max(stands, high)) if moved > stands else max(moved, min(stands, low))
