"""A control map as tables for the audio thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from runtime.base.errors import UserError
from runtime.control.mapping.lines import Kind, MapLine, check_line
from runtime.control.targets import NOTHING, waits_for_hop
from runtime.control_numbers import PEDALS, Control
from runtime.events import N_CHANNELS, Action

_NEVER_WAIT = PEDALS | {Control.SLIDE, Control.DATA_ENTRY, Control.DATA_ENTRY_LSB}


class Binding(msgspec.Struct, frozen=True, gc=False):
    """What one line of a map does, in numbers.

    index: number of the line.
    start: the target's position at the beginning of the range.
    travel: the distance from there to the end of the range.
    exponent: 4 to the power of the line's curve.
    step: how far one step of a relative control moves the target.
    inverted: whether the target is at `start` when the control is at its upper end.
    part: 0 for a whole control; 1 for the MSB of a 14-bit control, 2 for its LSB.
    """

    index: int
    target: str
    mode: str
    takeover: str
    start: float
    travel: float
    exponent: float
    step: float
    inverted: bool
    part: int = 0

    def place(self, share: float) -> float:
        """The target's position, 0 to 1. share: the control's own position, 0 to 1."""
        if self.inverted:
            share = 1.0 - share
        return self.start + self.travel * (share**self.exponent if self.exponent != 1.0 else share)


class Bindings(msgspec.Struct, frozen=True):
    """What each control of one device does.

    `moved`, `actions` and `waiting` name a control by its number from `key_of`.
    moved: the bindings of each control that moves targets.
    actions: the action of each control that starts an action.
    kinds: the kinds of all these controls.
    waiting: the controls whose moves are not heard before the next hop.
    lines: the map's lines.
    plain: the lines as plain values, for JSON.
    """

    moved: dict[int, tuple[Binding, ...]]
    actions: dict[int, Action]
    kinds: frozenset[Kind]
    waiting: frozenset[int]
    lines: tuple[MapLine, ...] = ()
    plain: tuple[dict[str, Any], ...] = ()


def key_of(kind: int, channel: int, number: int) -> int:
    """The number that identifies a control on a channel."""
    return kind << 18 | channel << 14 | number


def bind(lines: Iterable[MapLine]) -> Bindings:
    """Make the tables for checked lines.

    If a control has a line for one channel, its line for all channels does not count on that channel.
    """
    lines = tuple(lines)
    moved: dict[int, list[Binding]] = {}
    actions: dict[int, Action] = {}
    taken = {(line.control_id, line.channel) for line in lines}
    for index, line in enumerate(lines):
        control = line.control_id
        for channel in range(N_CHANNELS) if line.channel == "all" else (line.channel - 1,):
            if line.channel == "all" and (control, channel + 1) in taken:
                continue
            if line.action == NOTHING:
                continue
            if line.action is not None:
                actions[key_of(control.kind, channel, control.number)] = Action(line.action)
                continue
            for kind, number, part in _places(control.kind, control.number):
                moved.setdefault(key_of(kind, channel, number), []).append(_binding(index, line, part))
    kinds = {line.control_id.kind for line in lines if line.action != NOTHING}
    waiting = {key for key, found in moved.items() if _waits(key, found) and key not in actions}
    plain = tuple(msgspec.to_builtins(line) for line in lines)
    tables = {k: tuple(v) for k, v in moved.items()}
    return Bindings(tables, actions, frozenset(kinds), frozenset(waiting), lines, plain)


def bind_plain(lines: object) -> Bindings:
    """Make Bindings from the field `plain` of other Bindings; ValueError for anything else."""
    try:
        known = msgspec.convert(lines, list[MapLine], strict=False)
        for line in known:
            check_line(line, "a recorded map")
        return bind(known)
    except (msgspec.MsgspecError, UserError) as error:
        raise ValueError(f"no lines of a map ({error})") from None


def _places(kind: Kind, number: int) -> tuple[tuple[Kind, int, int], ...]:
    """(kind, number, part) of each message that a control sends; part: as in Binding."""
    if kind is Kind.CC14:
        return (Kind.CC, number, 1), (Kind.CC, number + 32, 2)
    return ((kind, number, 0),)


def _binding(index: int, line: MapLine, part: int) -> Binding:
    start, end = line.ends
    step = (start - end if line.inverted else end - start) / 127.0
    exponent = 4.0**line.curve
    return Binding(
        index, line.target or "", line.mode, line.takeover, start, end - start, exponent, step, line.inverted, part
    )


def _waits(key: int, bindings: list[Binding]) -> bool:
    kind, number = key >> 18, key & 16383
    # The controls in _NEVER_WAIT do not wait, because they may do more than move a target: a pedal that comes up can
    # end notes, control 74 may be an MPE slide, and controls 6 and 38 may set a parameter chosen by RPN or NRPN.
    return kind == Kind.CC and number not in _NEVER_WAIT and all(waits_for_hop(binding.target) for binding in bindings)
