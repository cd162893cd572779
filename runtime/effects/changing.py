"""A value that changes by a crossfade over several cells; grid.py says what a cell is."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Changing(Generic[T]):
    """A value that may be crossfading to a new value.

    A change begins with the first cell at or after the change's frame, and lasts n_cells cells. A change that is due
    during an earlier change waits until the earlier one ends. If several are due by then, only the newest is made.

    Attributes:
    now: the value, or the old value during a change.
    coming: the new value during a change, else None.
    progress: how far the change is at the beginning of the present cell, 0 to 1.
    step: growth of progress in one cell.
    """

    def __init__(self, value: T, n_cells: int):
        self.now, self.coming = value, None
        self.progress, self.step = 0.0, 1.0 / n_cells
        self._n_cells, self._n_done = n_cells, 0
        self._waiting: list[tuple[int, T]] = []

    @property
    def rests(self) -> bool:
        return self.coming is None and not self._waiting

    def change(self, frame: int, value: T) -> None:
        """Begin a change to `value` at `frame`. Frames must not decrease from call to call."""
        self._waiting.append((frame, value))

    def begin_cell(self, frame: int) -> None:
        if self.coming is not None:
            self._n_done += 1
            if self._n_done == self._n_cells:
                self.now, self.coming = self.coming, None
        if self.coming is None and self._waiting:
            self.coming, self._n_done = self._take(frame), 0
            if self.coming == self.now:
                self.coming = None
        self.progress = self._n_done * self.step

    def jump(self, frame: int) -> None:
        """Change without a crossfade to the newest value that is due by `frame`. For an effect that is silent."""
        if self.coming is not None:
            self.now, self.coming = self.coming, None
        if self._waiting:
            self.now = self._take(frame) or self.now

    def _take(self, frame: int) -> T | None:
        """Remove all waiting values that are due by `frame`, and return the newest, or None."""
        value = None
        while self._waiting and self._waiting[0][0] <= frame:
            value = self._waiting.pop(0)[1]
        return value
