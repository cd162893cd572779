"""Moves targets by MIDI controls, with a map for each device."""

from __future__ import annotations

from typing import Any

from runtime.config import Config
from runtime.control.knobs import Knobs
from runtime.control.mapping.bindings import Binding, Bindings, bind, bind_plain, key_of
from runtime.control.mapping.channel_state import NO_PARAMETER, ChannelState
from runtime.control.mapping.layers import configured_lines
from runtime.control.mapping.lines import Kind
from runtime.control.mapping.messages import KINDS, key_of_event, number_of, share_of
from runtime.control.mapping.positions import is_press, moved_to
from runtime.control.targets import waits_for_hop
from runtime.control_numbers import PEDALS, SWITCH_ON, Control
from runtime.events import (
    Action,
    ChannelEvent,
    Clock,
    ControlChange,
    Event,
    KnobTurn,
    NoteOff,
    PhaseBlend,
    ProgramChange,
    TargetMove,
    Tempo,
)

_WAITING = frozenset({KnobTurn, PhaseBlend, Clock, Tempo})


class ControlMap:
    """Knows which MIDI control moves which target. A device without a map of its own uses the settings' map.

    The same events in the same order always move the targets to the same positions.
    """

    def __init__(self, config: Config):
        self._common = bind(configured_lines(config))
        self._bindings: dict[int, Bindings] = {}
        self._states: dict[int, ChannelState] = {}

    def use(self, device: int, bindings: Bindings) -> None:
        """Replace the map of a device, and reset the state of the device's controls."""
        self._bindings[device] = bindings
        for number in [number for number in self._states if number >> 4 == device]:
            del self._states[number]

    def move(self, event: ChannelEvent, knobs: Knobs) -> bool:
        """Move the targets of the control that sent an event; returns False if the voices need the event.

        They need it if its control moves no target and starts no action, and if it is the release of a pedal or key.
        """
        kind = KINDS[type(event)]
        if kind is Kind.CC:
            return self._move_by_control(event, knobs)
        bindings = self._bindings.get(event.device, self._common)
        if kind not in bindings.kinds:
            return False
        number = number_of(event)
        found = bindings.moved.get(key_of(kind, event.channel, number))
        if found is not None:
            state = self._state(event)
            for binding in found:
                self._apply(binding, state, *share_of(event), knobs)
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
            taken, state = True, self._state(event)
            for binding in found:
                if binding.part:
                    share = state.halves_of(binding.index).share(binding.part, event.value)
                else:
                    share = event.value / 127.0
                self._apply(binding, state, share, event.value, knobs)
        return taken and not (event.control in PEDALS and event.value < SWITCH_ON)

    def _move_by_parameter(self, event: ControlChange, bindings: Bindings, knobs: Knobs) -> bool:
        """Remember the NRPN that the event chooses; or, if the event is data, move the targets of the chosen NRPN.

        Returns whether the event was data for such targets.
        """
        control, state = event.control, self._state(event)
        if control == Control.NRPN_MSB:
            state.parameter_msb, state.parameter = event.value, NO_PARAMETER
        elif control == Control.NRPN_LSB:
            state.parameter = state.parameter_msb << 7 | event.value
        elif control in (Control.RPN_LSB, Control.RPN_MSB):
            state.parameter = NO_PARAMETER
        elif control in (Control.DATA_ENTRY, Control.DATA_ENTRY_LSB) and state.parameter != NO_PARAMETER:
            key = key_of(Kind.NRPN, event.channel, state.parameter)
            found = bindings.moved.get(key, ())
            for binding in found:
                share = state.halves_of(binding.index).share(1 if control == Control.DATA_ENTRY else 2, event.value)
                self._apply(binding, state, share, int(share * 127.0), knobs)
            return bool(found)
        return False

    def _apply(self, binding: Binding, state: ChannelState, share: float, value: int, knobs: Knobs) -> None:
        stands = knobs.position(binding.target)
        if stands is not None:
            position = moved_to(binding, state, share, value, stands)
            if position is not None:
                knobs.move(binding.target, position)

    def action(self, event: Event) -> Action | None:
        """The action that an event starts, or None. Call this once for each event, in the events' order."""
        key = key_of_event(event)
        if key is None:
            return None
        action = self._bindings.get(event.device, self._common).actions.get(key)
        if action is None:
            return None
        touched, value = self._state(event).touched, share_of(event)[1]
        # A program change has no release, so each one is a press.
        before, touched[key] = touched.get(key, 0), 0 if type(event) is ProgramChange else value
        return action if is_press(before, value) else None

    def is_mapped(self, event: Event) -> bool:
        """Whether the event's control moves a target or starts an action; False for the data of an NRPN."""
        key = key_of_event(event)
        if key is None:
            return False
        bindings = self._bindings.get(event.device, self._common)
        return key in bindings.moved or key in bindings.actions

    def may_wait_for_hop(self, event: Event) -> bool:
        """Whether an event can wait for a hop, because it changes only spectra, the blend of phases or the tempo."""
        kind = type(event)
        if kind is ControlChange:
            bindings = self._bindings.get(event.device, self._common)
            return event.channel << 14 | event.control in bindings.waiting
        return waits_for_hop(event.target) if kind is TargetMove else kind in _WAITING

    def memory(self) -> dict[str, dict[int, Any]]:
        """The maps and the state of the controls as plain values, for `remember`."""
        maps = {device: list(bindings.plain) for device, bindings in self._bindings.items()}
        states = {number: state.memory() for number, state in self._states.items()}
        return {"maps": maps, "sides": states}

    def remember(self, memory: dict[str, dict[int, Any]]) -> None:
        """Restore the state from another ControlMap's `memory`; ValueError if a map's lines are not valid."""
        self._bindings = {device: bind_plain(lines) for device, lines in memory.get("maps", {}).items()}
        self._states = {number: ChannelState.remembered(each) for number, each in memory.get("sides", {}).items()}

    def _state(self, event: ChannelEvent) -> ChannelState:
        number = event.device << 4 | event.channel
        state = self._states.get(number)
        if state is None:
            state = self._states[number] = ChannelState()
        return state
