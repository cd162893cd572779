"""Which lanes get their next sound together, and when."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

# Lanes that hop together are decoded in one batch, which is cheap; but no block should have to carry too many.
LARGEST_GROUP, SMALL_GROUP = 16, 4
NEVER = 2**62


class HopGroup:
    """Lanes that hop together: at `offset` modulo the hop.

    due: when their sound must be made next; made_for: the knobs' serial and the blend that it was last made for.
    """

    def __init__(self, lanes: slice, offset: int, hop_size: int):
        self.lanes, self.offset, self._hop_size = lanes, offset, hop_size
        self.due = NEVER
        self.made_for = (-1, 0.0)

    def hop_from(self, frame: int) -> int:
        """The first hop from `frame` on."""
        return frame + (self.offset - frame) % self._hop_size


class HopGroups:
    """The groups of n_lanes: all of up to 16 lanes hop at once, more in groups of 4 one after the other.

    groups: ascending by lane and by offset; of_lane: each lane's group.
    """

    def __init__(self, n_lanes: int, hop_size: int):
        size = LARGEST_GROUP if n_lanes <= LARGEST_GROUP else SMALL_GROUP
        firsts = range(0, n_lanes, size)
        self.groups = [
            HopGroup(slice(first, min(first + size, n_lanes)), number * hop_size // len(firsts), hop_size)
            for number, first in enumerate(firsts)
        ]
        self.of_lane = [group for group in self.groups for _ in range(n_lanes)[group.lanes]]
        self._offsets = [group.offset for group in self.groups]
        self._hop_size = hop_size

    def due_at(self, frame: int, wanted: tuple[int, float], touched: Iterable[int]) -> list[HopGroup]:
        """The groups that hop at `frame`; one whose sound is out of date does so at its very next hop.

        wanted: the knobs' serial and the blend; touched: lanes whose own timbre changed.
        """
        due = []
        for group in self.groups:
            if group.due != NEVER:
                if group.due > frame and group.made_for != wanted:
                    group.due = group.hop_from(frame)
                if group.due == frame:
                    due.append(group)
        for lane in touched:
            group = self.of_lane[lane]
            group.due = min(group.due, group.hop_from(frame))
            if group.due == frame and group not in due:
                due = [group for group in self.groups if group.due == frame]
        return due

    def next_due(self) -> int:
        """When the next group's sound must be made."""
        return min([group.due for group in self.groups])

    def next_hop(self, frame: int) -> int:
        """The first frame from `frame` on at which lanes that sound hop."""
        return min([group.hop_from(frame) for group in self.groups if group.due != NEVER], default=NEVER)

    def earliest_hop(self, frame: int) -> int:
        """The first frame from `frame` on at which any lane would hop: `next_hop` is not before it, and costs more."""
        place = frame % self._hop_size
        following = bisect_left(self._offsets, place)
        ahead = self._offsets[following] if following < len(self._offsets) else self._offsets[0] + self._hop_size
        return frame + ahead - place
