"""What an absolute control does while its target stands elsewhere: soft takeover."""

from __future__ import annotations

# The steepest that a scaled control moves its target, as a multiple of its own speed.
STEEPEST = 4.0
# A control this near to its target, as a share of the range, has picked it up: a step of a 7-bit control.
NEAR = 1.0 / 127.0
_SAME = 1e-6  # nobody hears less; a target may be kept in another unit, which rounds


class Takeover:
    """The state of one absolute control on its target.

    place: where the control would put the target, as of its last move; None before the first. The control has the
    target in its hand as long as the target stands there.
    """

    __slots__ = ("place",)

    def __init__(self) -> None:
        self.place: float | None = None

    def pick_up(self, place: float, stands: float, low: float, high: float) -> float | None:
        """The target's new position; None while the control has not passed the target.

        place: where the control would put the target, which stands at `stands`; low, high: the ends of the range.
        A target beyond the range would never be passed; the control then scales its way.
        """
        if not low - _SAME <= stands <= high + _SAME:
            return self.scale(place, stands, low, high)
        before, self.place = self.place, place
        near = abs(place - stands) <= NEAR * (high - low)
        # Also while the control has the target in its hand: then `before` is where the target stands.
        passed = before is not None and (abs(before - stands) < _SAME or (before < stands) != (place < stands))
        return place if near or passed else None

    def scale(self, place: float, stands: float, low: float, high: float) -> float | None:
        """The target's new position, at which both keep their share of the way to the end; None at the first move.

        Arguments as in pick_up. The target moves at most STEEPEST times as fast as the control.
        """
        before, self.place = self.place, place
        if before is None:
            return None
        if abs(before - stands) < _SAME:
            return place  # the control has the target in its hand: no rounding error grows
        end = high if place > before else low
        room = end - before
        slope = (end - stands) / room if abs(room) > _SAME else 0.0
        return stands + min(STEEPEST, max(0.0, slope)) * (place - before)
