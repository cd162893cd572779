"""Where a move of a control leads its target."""

from __future__ import annotations

from runtime.control.mapping.bindings import Binding
from runtime.control.mapping.side import Side
from runtime.control_numbers import SWITCH_ON


def moved_to(binding: Binding, side: Side, share: float, value: int, stands: float) -> float | None:
    """The target's new position, 0 to 1; None if it stays.

    share: where the control stands, 0 to 1 of its travel; value: the same from 0 to 127; stands: the target's position.
    """
    if binding.mode == "absolute":
        return _absolute(binding, side, share, stands)
    if binding.mode == "toggle":
        before = side.pressed.get(binding.index, 0)
        side.pressed[binding.index] = value
        return _other_end(binding, stands) if is_press(before, value) else None
    return _stepped(binding, stands, _steps(binding.mode, value))


def is_press(before: int, value: int) -> bool:
    """Whether a switch goes down; a value that comes again is a press of a switch that never says that it is up."""
    return value >= SWITCH_ON and (before < SWITCH_ON or value == before)


def _absolute(binding: Binding, side: Side, share: float, stands: float) -> float | None:
    place = binding.place(share)
    if binding.takeover == "jump":
        return place
    takeover = side.takeover_of(binding.index)
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
