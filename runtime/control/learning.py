"""MIDI learn: the control that the player moves next will move the chosen target or start the chosen action."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from runtime.control.mapping.layers import same_control
from runtime.control.mapping.lines import Kind, MapLine, Takeover, check_line
from runtime.control.mapping.recognition import Place, Recognition
from runtime.control.targets import ACTIONS, NOTHING, refuse_unknown_target
from runtime.control_numbers import Control
from runtime.events import ChannelEvent

LIMIT_S = 10.0
_QUIET_S = 0.35  # a movement ends after this time without a message
_MANY = 16  # this many messages count as a movement, even if more are still coming
_FIXED_MEANINGS = {
    Kind.PITCH_WHEEL: "pitch bend",
    Kind.PRESSURE: "the pressure of the keys",
    Kind.POLY_PRESSURE: "the pressure of each key",
}
_FIXED_CONTROLS = {
    Control.MOD_WHEEL: "the modulation wheel's vibrato",
    Control.VOLUME: "the channel's volume",
    Control.PAN: "the channel's pan",
    Control.EXPRESSION: "the channel's expression",
    Control.SUSTAIN: "the sustain pedal",
    Control.SOSTENUTO: "the sostenuto pedal",
    Control.SOFT_PEDAL: "the soft pedal",
    Control.BANK_SELECT: "the choice of a bank",
    Control.BANK_SELECT_LSB: "the choice of a bank",
}


class Learned(msgspec.Struct, frozen=True):
    """What was learned: a line for a device's map.

    device: the device's number.
    share: the control's last position, 0 to 1, to which the target jumps when the line is learned; None if the target
        does not jump.
    """

    device: int
    line: MapLine
    share: float | None = None


class Learner:
    """Learns one control at a time, from events and their times.

    target: the target or action for which a control is being learned, or None.
    All times are in seconds of the same clock.
    """

    def __init__(self) -> None:
        self.target: str | None = None
        self._takeover: Takeover = "jump"
        self._until_s = 0.0
        self._heard = Recognition()

    def arm(self, target: str, now_s: float, limit_s: float = LIMIT_S, takeover: Takeover = "jump") -> None:
        """Start to learn a control, for at most `limit_s` seconds; UserError for an unknown target or action.

        takeover: the learned line gets it if its mode is `absolute`.
        """
        refuse_unknown_target(target, "learn")
        self.target, self._takeover, self._until_s = target, takeover, now_s + limit_s
        self._heard = Recognition()

    def cancel(self) -> None:
        """Stop learning."""
        self.target = None

    def feed(self, event: ChannelEvent, now_s: float) -> Learned | None:
        """Process an event; returns what was learned, or None while it is unclear which control moves."""
        if self.target is None:
            return None
        self._heard.add(event, now_s)
        best = self._heard.best(self.target not in ACTIONS)
        if best is not None and best[2] >= 1.0 and len(best[1].values) >= _MANY:
            return self._learn(best[0])
        return None

    def tick(self, now_s: float) -> Learned | None:
        """Finish learning if a control has clearly moved and then stopped, or if the time limit is over.

        Returns what was learned, or None.
        """
        if self.target is None:
            return None
        best, is_late = self._heard.best(self.target not in ACTIONS), now_s >= self._until_s
        if best is not None:
            place, movement, clearness = best
            # An unclear movement, such as one step of a knob, counts only if none is clear when the time is over.
            if (clearness >= 1.0 and now_s - movement.last_s >= _QUIET_S) or (is_late and clearness > 0.0):
                return self._learn(place)
        if is_late:
            self.target = None
        return None

    def _learn(self, place: Place) -> Learned:
        _, movement, _ = self._heard.best(self.target not in ACTIONS)
        line = _line(place, self.target, movement.mode, self._takeover)
        self.target = None
        jumps = line.target is not None and line.mode == "absolute" and line.takeover == "jump"
        return Learned(place.device, line, movement.last / 127.0 if jumps else None)


def _line(place: Place, target: str, mode: str, takeover: Takeover) -> MapLine:
    kind = place.control.kind
    # A key counts only on the channel on which it was learned: on another channel, its number still plays a note.
    channel = place.channel + 1 if kind is Kind.NOTE else "all"
    if target in ACTIONS:
        line = MapLine(str(place.control), action=target, channel=channel)
    else:
        if kind is Kind.NOTE:
            mode = "toggle"
        elif kind is not Kind.CC:
            mode = "absolute"
        takeover = takeover if mode == "absolute" else "jump"
        line = MapLine(str(place.control), target, channel=channel, mode=mode, takeover=takeover)
    check_line(line, "learn")
    return line


def with_learned(learned: Iterable[MapLine], line: MapLine) -> tuple[MapLine, ...]:
    """The learned lines plus a new line, which replaces those that have its control, its target or its action."""
    # Several lines can have the action NOTHING, so a line with NOTHING replaces only lines with its own control.
    is_other = line.action == NOTHING
    return (*(old for old in learned if not same_control(old, line) and (is_other or old.moves != line.moves)), line)


def without(
    learned: Iterable[MapLine], names: Collection[str] | None, own: Collection[MapLine] = ()
) -> tuple[MapLine, ...]:
    """The learned lines that stay when a target or action is unlearned.

    names: all names of the target or action; None to remove all learned lines.
    own: those of the device's lines for this target or action that were not learned. If a learned line silences the
        control of one of them, the learned line is removed, too.
    """
    if names is None:
        return ()
    return tuple(line for line in learned if line.moves not in names and not any(silences(line, each) for each in own))


def silenced(learned: Iterable[MapLine], own: Iterable[MapLine]) -> tuple[MapLine, ...]:
    """The learned lines, plus new lines that silence the controls of `own`.

    If a learned line already has one of these controls, no line is added for that control.

    own: lines of the device that were not learned.
    """
    learned = tuple(learned)
    left = [line for line in own if not any(same_control(line, each) for each in learned)]
    return (*learned, *(MapLine(line.control, action=NOTHING, channel=line.channel) for line in left))


def silences(line: MapLine, other: MapLine) -> bool:
    """Whether `line` silences the control of `other`, so that this control no longer moves or starts anything."""
    return line.action == NOTHING and same_control(other, line)


def moved_before(lines: Iterable[MapLine], line: MapLine) -> list[str]:
    """What the control of `line` moved before, except what `line` itself moves.

    `lines` say it. If none of them has the control, its meaning in MIDI says it.
    """
    old = [each.moves for each in lines if same_control(each, line)]
    if old:
        return [moves for moves in dict.fromkeys(old) if moves != line.moves]
    control = line.control_id
    fixed = _FIXED_CONTROLS.get(control.number) if control.kind is Kind.CC else _FIXED_MEANINGS.get(control.kind)
    return [fixed] if fixed else []
