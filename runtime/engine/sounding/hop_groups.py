"""Says which lanes hop together, and when.

At a hop a lane's next sound is made. At a reading, a little before the hop, only that sound's spectrum is made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from runtime.events import NEVER

# Decoding lanes together is faster than one by one, but decoding many lanes together makes one block too slow.
LARGEST_GROUP, SMALL_GROUP = 16, 4
# the hop size, divided by the distance from a reading to its hop
_READING_PART = 4


class HopGroup:
    """Lanes that hop together, at the frames that equal `offset` modulo the hop size.

    due: the hop at which the lanes' next sound must be made; NEVER if they are silent.
    made_for: the value of `Knobs.n_changes` at the lanes' newest sound or reading.
    """

    def __init__(self, lanes: slice, offset: int, hop_size: int):
        self.lanes, self.offset, self._hop_size = lanes, offset, hop_size
        self.due = NEVER
        self.made_for = -1

    def hop_from(self, frame: int) -> int:
        """The group's first hop at or after `frame`."""
        return frame + (self.offset - frame) % self._hop_size


class HopGroups:
    """All hop groups.

    If there are at most 16 lanes, they form a single group. If there are more, they form groups of 4, whose hops are
    spread evenly in time.

    groups: ascending by lane and by `HopGroup.offset`.
    of_lane: each lane's group.
    offsets_by_lane: for each lane, the frame of its hops modulo the hop size.
    point_offsets: for each lane, the frame of its points modulo the hop size, if its voice has points of its own. In a
        group, the first four lanes have these points at their hops, the next four a quarter of a hop later, and so on.
    reads_early: whether there are readings.
    frames_ahead: frames from a reading to its hop.
    """

    def __init__(self, n_lanes: int, hop_size: int):
        size = LARGEST_GROUP if n_lanes <= LARGEST_GROUP else SMALL_GROUP
        firsts = range(0, n_lanes, size)
        self.groups = [
            HopGroup(slice(first, min(first + size, n_lanes)), number * hop_size // len(firsts), hop_size)
            for number, first in enumerate(firsts)
        ]
        self.of_lane = [group for group in self.groups for _ in range(n_lanes)[group.lanes]]
        self.offsets_by_lane = [group.offset for group in self.of_lane]
        self._offsets = [group.offset for group in self.groups]
        n_shifts = LARGEST_GROUP // SMALL_GROUP
        shifts = [(lane - self.of_lane[lane].lanes.start) // SMALL_GROUP for lane in range(n_lanes)]
        self.point_offsets = [
            (offset + shift * hop_size // n_shifts) % hop_size
            for offset, shift in zip(self.offsets_by_lane, shifts, strict=True)
        ]
        self.hop_size = hop_size
        self.reads_early, self._reads_early_since = False, 0
        self.frames_ahead = hop_size // _READING_PART

    def read_early(self, is_early: bool, frame: int) -> None:
        if is_early and not self.reads_early:
            self._reads_early_since = frame
        self.reads_early = is_early

    def was_read(self, hop: int) -> bool:
        return self.reads_early and self._reads_early_since <= hop - self.frames_ahead

    def reading_at(self, frame: int) -> list[HopGroup]:
        if not self.reads_early:
            return []
        hop = frame + self.frames_ahead
        return [group for group in self.groups if group.due != NEVER and group.hop_from(hop) == hop]

    def due_at(self, frame: int, wanted: int, touched: Iterable[int]) -> list[HopGroup]:
        """The groups whose sound must be made at `frame`.

        A group whose sound is out of date becomes due at its first hop at or after `frame`.

        wanted: the present `Knobs.n_changes`.
        touched: lanes that need new sound though no knob moved.
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
        return min([group.due for group in self.groups])

    def next_hop(self, frame: int) -> int:
        """The first hop or reading of a sounding group, at or after `frame`; NEVER if no group sounds."""
        hop = min([group.hop_from(frame) for group in self.groups if group.due != NEVER], default=NEVER)
        return min(hop, self.next_reading(frame)) if self.reads_early else hop

    def next_reading(self, frame: int, wanted: int | None = None) -> int:
        """The first reading of a sounding group, at or after `frame`.

        wanted: the present `Knobs.n_changes`, to leave out groups that are up to date; None for all groups.
        """
        reading, hop = NEVER, frame + self.frames_ahead
        for group in self.groups:
            if group.due != NEVER and group.made_for != wanted:
                reading = min(reading, group.hop_from(hop) - self.frames_ahead)
        return reading

    def earliest_hop(self, frame: int) -> int:
        """Like `next_hop`, but silent groups count, too. It is faster than `next_hop`."""
        hop = self._earliest_hop(frame)
        return min(hop, self._earliest_hop(frame + self.frames_ahead) - self.frames_ahead) if self.reads_early else hop

    def _earliest_hop(self, frame: int) -> int:
        if len(self._offsets) == 1:  # the usual case
            return frame + (self._offsets[0] - frame) % self.hop_size
        place = frame % self.hop_size
        following = bisect_left(self._offsets, place)
        ahead = self._offsets[following] if following < len(self._offsets) else self._offsets[0] + self.hop_size
        return frame + ahead - place
