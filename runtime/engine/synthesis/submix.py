"""Voices that rest are mixed while they are still spectra, and transformed as one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


class Submix:
    """Lanes that hop together, whose sum is in the ring of one of them, the carrier, by its own gain.

    lanes: the run that they are among; members: those that are mixed; gains: float32 (n,), what each lane of the run is
    mixed with, 0 where it is not; shares: float32 (n, 1), the same over the carrier's, which is the largest; is_whole:
    whether no member has left.
    """

    __slots__ = ("carrier", "gains", "is_whole", "lanes", "members", "shares")

    def __init__(self, lanes: slice, gains: np.ndarray):
        self.lanes, self.gains = lanes, gains.copy()
        self.members = [lanes.start + int(row) for row in np.flatnonzero(gains)]
        self.carrier = lanes.start + int(np.argmax(gains))
        self.shares = (gains / gains.max())[:, None]
        self.is_whole = True

    def share(self, lanes: slice) -> np.ndarray:
        """The shares (n,) of some of its lanes."""
        return self.shares[lanes.start - self.lanes.start : lanes.stop - self.lanes.start, 0]

    def is_of(self, lanes: slice, gains: np.ndarray) -> bool:
        """Whether it is what these lanes with these gains are mixed to."""
        return self.lanes == lanes and self.gains.tobytes() == gains.tobytes()


class Submixes:
    """The submix that each lane is part of, if any."""

    def __init__(self, n_lanes: int):
        self._n_mixed = 0
        self._of_lane: list[Submix | None] = [None] * n_lanes

    def of(self, lane: int) -> Submix | None:
        """The submix of a lane."""
        return self._of_lane[lane]

    def first_of(self, lanes: Iterable[int]) -> Submix | None:
        """The submix of the first of the lanes that is part of one."""
        return next((self._of_lane[lane] for lane in lanes if self._of_lane[lane]), None) if self._n_mixed else None

    def members_among(self, lanes: Iterable[int]) -> list[int]:
        """Those of the lanes that are part of a submix."""
        return [lane for lane in lanes if self._of_lane[lane]] if self._n_mixed else []

    def put(self, lanes: Iterable[int], submix: Submix | None) -> None:
        """Make lanes part of a submix, or of none any more."""
        if submix is None and not self._n_mixed:
            return
        for lane in lanes:
            former = self._of_lane[lane]
            if former is not None:
                former.is_whole = False
            self._n_mixed += (submix is not None) - (former is not None)
            self._of_lane[lane] = submix
