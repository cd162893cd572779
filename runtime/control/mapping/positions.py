"""Computes a target's new position when its control moves."""

from __future__ import annotations

from runtime.control.mapping.bindings import Binding
from runtime.control.mapping.channel_state import ChannelState
from runtime.control_numbers import SWITCH_ON


def moved_to(binding: Binding, state: ChannelState, share: float, value: int, stands: float) -> float | None:
    """The target's new position, 0 to 1; None if the target does not move.

    share, value: the control's position, 0 to 1, and its value, 0 to 127: both from `share_of` in messages.py.
    stands: the target's present position.
    """
    if binding.mode == "absolute":
        return _absolute(binding, state, share, stands)
    if binding.mode == "toggle":
        before = state.pressed.get(binding.index, 0)
        state.pressed[binding.index] = value
        return _other_end(binding, stands) if is_press(before, value) else None
    return _stepped(binding, stands, _steps(binding.mode, value))


def is_press(before: int, value: int) -> bool:
    """Whether a new value presses a switch. A repeated value counts as a press: some switches send no release."""
    return value >= SWITCH_ON and (before < SWITCH_ON or value == before)


def _absolute(binding: Binding, state: ChannelState, share: float, stands: float) -> float | None:
    place = binding.place(share)
    if binding.takeover == "jump":
        return place
    takeover = state.takeover_of(binding.index)
    start, end = binding.start, binding.start + binding.travel
    low, high = (start, end) if start <= end else (end, start)
    move = takeover.pick_up if binding.takeover == "pick_up" else takeover.scale
    return move(place, stands, low, high)


def _other_end(binding: Binding, stands: float) -> float:
    start, end = binding.start, binding.start + binding.travel
    if binding.inverted:
        start, end = end, start
    return start if abs(stands - end) <= abs(stands - start) else end


def _steps(mode: str, value: int) -> int:
    if mode == "relative_twos_complement":
        return value if value < 64 else value - 128
    if mode == "relative_binary_offset":
        return value - 64
    return value if value < 64 else 64 - value


def _stepped(binding: Binding, stands: float, steps: int) -> float:
    """The target's position after the steps. A target outside the binding's range moves only towards this range."""
    low = min(binding.start, binding.start + binding.travel)
    high = max(binding.start, binding.start + binding.travel)
    moved = stands + steps * binding.step
    return min(moved, max(stands, high)) if moved > stands else max(moved, min(stands, low))
