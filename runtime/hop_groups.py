"""Which lanes get their next sound together, and when."""

from __future__ import annotations

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


def hop_groups(n_lanes: int, hop_size: int) -> list[HopGroup]:
    """All of up to 16 lanes hop at once, more in groups of 4 one after the other."""
    size = LARGEST_GROUP if n_lanes <= LARGEST_GROUP else SMALL_GROUP
    firsts = range(0, n_lanes, size)
    return [
        HopGroup(slice(first, min(first + size, n_lanes)), number * hop_size // len(firsts), hop_size)
        for number, first in enumerate(firsts)
    ]
