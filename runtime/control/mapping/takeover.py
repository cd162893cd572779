"""What an absolute control does while its position differs from its target's."""

from __future__ import annotations

# With `scaled`, a target moves at most STEEPEST times as fast as its control.
STEEPEST = 4.0
# With `pick_up`, a control takes hold of its target when it passes the target, or comes near it: as near as NEAR times
# the range's length. NEAR is one step of a 7-bit control.
NEAR = 1.0 / 127.0
_SAME = 1e-6  # positions this near count as equal: converted to a unit and back, a position is no longer exact


class Takeover:
    """The state of one absolute control and its target.

    place: the control's position on the target's travel, after the latest move; None before the first move. If the
        target stands at the same place, the control holds the target, and moves it.
    """

    __slots__ = ("place",)

    def __init__(self) -> None:
        self.place: float | None = None

    def pick_up(self, place: float, stands: float, low: float, high: float) -> float | None:
        """The target's new position; None until the control passes the target or comes near it (NEAR).

        place: the control's position, on the target's travel.
        stands: the target's position.
        low, high: the ends of the range.

        A control cannot pass a target outside the range. Such a target moves as in `scale`.
        """
        if not low - _SAME <= stands <= high + _SAME:
            return self.scale(place, stands, low, high)
        before, self.place = self.place, place
        near = abs(place - stands) <= NEAR * (high - low)
        # `before` and `stands` are equal if the control already holds the target.
        passed = before is not None and (abs(before - stands) < _SAME or (before < stands) != (place < stands))
        return place if near or passed else None

    def scale(self, place: float, stands: float, low: float, high: float) -> float | None:
        """The target's new position; None at the control's first move. Parameters as in pick_up.

        The target moves so that it reaches the range's end together with the control, but at most STEEPEST times as
        fast as the control.
        """
        before, self.place = self.place, place
        if before is None:
            return None
        if abs(before - stands) < _SAME:
            return place  # the target follows the control; the formula below would add up rounding errors
        end = high if place > before else low
        room = end - before
        slope = (end - stands) / room if abs(room) > _SAME else 0.0
        return stands + min(STEEPEST, max(0.0, slope)) * (place - before)
