"""Soft takeover: what an absolute control does while its position differs from its target's."""

from __future__ import annotations

# A scaled control moves its target at most this many times as fast as itself.
STEEPEST = 4.0
# A control this close to its target, as a share of the range, picks it up: one step of a 7-bit control.
NEAR = 1.0 / 127.0
_SAME = 1e-6  # an inaudible difference, as rounding makes when a target's value is converted to its unit and back


class Takeover:
    """The state of one absolute control and its target.

    place: the position to which the control's last move would put the target; None before the first move. The control
    holds the target as long as the target stays at `place`.
    """

    __slots__ = ("place",)

    def __init__(self) -> None:
        self.place: float | None = None

    def pick_up(self, place: float, stands: float, low: float, high: float) -> float | None:
        """The target's new position; None while the control has not passed the target.

        place: the position to which the control would put the target; stands: the target's position; low, high: the
        ends of the range. A control can never pass a target outside the range: such a target is scaled instead.
        """
        if not low - _SAME <= stands <= high + _SAME:
            return self.scale(place, stands, low, high)
        before, self.place = self.place, place
        near = abs(place - stands) <= NEAR * (high - low)
        # The first comparison is true while the control holds the target.
        passed = before is not None and (abs(before - stands) < _SAME or (before < stands) != (place < stands))
        return place if near or passed else None

    def scale(self, place: float, stands: float, low: float, high: float) -> float | None:
        """The target's new position, such that target and control reach the end together; None at the first move.

        Parameters as in pick_up. The target moves at most STEEPEST times as fast as the control.
        """
        before, self.place = self.place, place
        if before is None:
            return None
        if abs(before - stands) < _SAME:
            return place  # the control holds the target; without this, rounding errors would grow
        end = high if place > before else low
        room = end - before
        slope = (end - stands) / room if abs(room) > _SAME else 0.0
        return stands + min(STEEPEST, max(0.0, slope)) * (place - before)
