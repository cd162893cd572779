"""The lines of a control map."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Annotated, Literal, NamedTuple

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.config import Channel
from runtime.control.targets import ACTIONS, LATENT, NOTHING, RANGES, SHARE, Range
from runtime.control_numbers import PROTOCOL

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Mode = Literal["absolute", "relative_twos_complement", "relative_binary_offset", "relative_sign_bit", "toggle"]
Takeover = Literal["jump", "pick_up", "scaled"]


class Kind(IntEnum):
    """The kinds of MIDI control."""

    CC = 0
    CC14 = 1
    NRPN = 2
    PITCH_WHEEL = 3
    PRESSURE = 4
    POLY_PRESSURE = 5
    PROGRAM = 6
    NOTE = 7


# The highest control number of each kind that has numbers.
HIGHEST = {Kind.CC: 119, Kind.CC14: 31, Kind.NRPN: 16383, Kind.PROGRAM: 127, Kind.NOTE: 127}
_FORMS = ", ".join(f"{kind.name.lower()}{f' 0 to {HIGHEST[kind]}' if kind in HIGHEST else ''}" for kind in Kind)


class ControlId(NamedTuple):
    """One MIDI control.

    number: the control's number, or 0 for a kind without numbers. A 14-bit control has the number of its MSB.
    """

    kind: Kind
    number: int = 0

    def __str__(self) -> str:
        name = self.kind.name.lower()
        return f"{name} {self.number}" if self.kind in HIGHEST else name


def parse_control(text: str, where: object) -> ControlId:
    """Parse the name of a control, such as `cc 74` or `pitch_wheel`; UserError if the text names no control.

    where: the beginning of the error message.
    """
    match = re.fullmatch(r"([a-z_]+[0-9]*)(?: +([0-9]{1,5}))?", text)
    name = match[1].upper() if match else ""
    if name in Kind.__members__:
        kind, number = Kind[name], match[2]
        if kind not in HIGHEST and number is None:
            return ControlId(kind)
        if kind in HIGHEST and number is not None and int(number) <= HIGHEST[kind]:
            if kind is Kind.CC and int(number) in PROTOCOL:
                found, remedy = f"{text!r}, which chooses a parameter of MIDI", "choose another control"
                raise UserError(where, found, "a control that moves something", remedy)
            return ControlId(kind, int(number))
    raise UserError(where, repr(text), _FORMS, "write the control in one of these forms")


class MapLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of a map: a control, and what it moves or starts.

    A line has either a target or an action.

    control: the control's name, as `parse_control` reads it.
    channel: the control's channel, or "all". A line for one channel wins over a line for all channels.
    target: the target's name, as in `control.targets`.
    action: one of ACTIONS, or NOTHING.
    mode: with `absolute`, the control's position sets the target's position. With `relative_…`, the control sends
    steps, in one of three codings. With `toggle`, each press moves the target to the other end of the range.
    takeover: what happens if an absolute control's position differs from the target's position. With `jump`, the target
    jumps to the control's position. With `pick_up`, the target waits until the control passes it. With `scaled`, the
    target moves faster or slower than the control, so that both reach the range's end together.
    range: where the target's movement begins and ends, 0 to 1 of its travel.
    values: where it begins and ends, in the target's unit; given in place of `range`.
    curve: 1 makes the control finest at the lower end, -1 at the upper end; 0 is a straight line.
    inverted: whether the control's upper end is the range's beginning.
    """

    control: str
    target: str | None = None
    action: str | None = None
    channel: Channel | Literal["all"] = "all"
    mode: Mode = "absolute"
    takeover: Takeover = "jump"
    range: tuple[Share, Share] | None = None
    values: tuple[float, float] | None = None
    curve: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] = 0.0
    inverted: bool = False

    @property
    def control_id(self) -> ControlId:
        """The control that `control` names; UserError if that text cannot be parsed."""
        return parse_control(self.control, "control")

    @property
    def ends(self) -> tuple[float, float]:
        """The target's positions, 0 to 1 of its travel, at the beginning and the end of the range."""
        if self.values is not None:
            travel = range_of(self.target or "")
            return travel.position_of(self.values[0]), travel.position_of(self.values[1])
        return self.range or (0.0, 1.0)

    @property
    def moves(self) -> str:
        return self.target or self.action or ""


def range_of(target: str) -> Range:
    """The range of a target, in the target's unit; for a latent, SHARE (0 to 1)."""
    return RANGES.get(target, SHARE)


def check_line(line: MapLine, where: object) -> None:
    """Raise UserError if a line contradicts itself or names something unknown; the message begins with `where`."""
    control = parse_control(line.control, f"{where}, control")
    if (line.target is None) == (line.action is None):
        found = "both a target and an action" if line.target else "neither a target nor an action"
        raise UserError(where, found, "one of them", "name what the control moves or starts")
    if line.action is not None:
        _check_action(line, where)
        return
    _check_target(line.target or "", f"{where}, target")
    if line.mode.startswith("relative") and control.kind is not Kind.CC:
        found, remedy = f"{line.mode} with {line.control}", "only a cc is relative"
        raise UserError(f"{where}, mode", found, "absolute or toggle", remedy)
    if line.mode != "absolute" and (line.takeover != "jump" or line.curve):
        found = f"{line.mode} with {'a curve' if line.curve else line.takeover}"
        raise UserError(f"{where}, mode", found, "absolute, or neither takeover nor curve", "leave one out")
    if line.range is not None and line.values is not None:
        raise UserError(where, "both range and values", "one of them", "leave one out")
    if line.values is not None:
        _check_values(line, where)


def _check_action(line: MapLine, where: object) -> None:
    if line.action not in (*ACTIONS, NOTHING):
        raise UserError(f"{where}, action", repr(line.action), "an action", did_you_mean(line.action or "", ACTIONS))
    if line.action != NOTHING and line.control_id.kind in (Kind.CC14, Kind.NRPN):
        raise UserError(f"{where}, control", repr(line.control), "a switch, such as cc 66 or note 36", "choose another")
    plain = MapLine(line.control, action=line.action, channel=line.channel)
    if line != plain:
        expected = "only control, channel and action"
        raise UserError(where, f"{line.action} with more keys", expected, "leave the others out")


def _check_target(target: str, where: object) -> None:
    if target not in RANGES and not (target.startswith(LATENT) and len(target) > len(LATENT)):
        remedy = did_you_mean(target, (*RANGES, f"{LATENT}1"))
        raise UserError(where, repr(target), "a target of a sound", remedy)


def _check_values(line: MapLine, where: object) -> None:
    travel = range_of(line.target or "")
    for value in line.values or ():
        if not travel.lowest <= value <= travel.highest:
            expected = f"{travel.lowest:g} to {travel.highest:g} {travel.unit}".strip()
            raise UserError(f"{where}, values", f"{value:g}", expected, "change that value")
