"""Something that changes to a new value by a crossfade on the grid of cells."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Changing(Generic[T]):
    """A value, and the one that it is changing to.

    A change begins with the first cell at or after its frame, and takes n_cells. If it comes during another, it waits
    for the end of that one; of several that wait, the last counts.

    now: the value, while a change runs the old one. coming: the new one, or None. progress: 0 to 1, of the change at
    the beginning of the present cell. step: the progress of one cell.
    """

    def __init__(self, value: T, n_cells: int):
        self.now, self.coming = value, None
        self.progress, self.step = 0.0, 1.0 / n_cells
        self._n_cells, self._n_done = n_cells, 0
        self._waiting: list[tuple[int, T]] = []

    @property
    def rests(self) -> bool:
        """Whether no change runs or waits."""
        return self.coming is None and not self._waiting

    def change(self, frame: int, value: T) -> None:
        """Change to `value` from `frame` on; frames must not decrease from call to call."""
        self._waiting.append((frame, value))

    def begin_cell(self, frame: int) -> None:
        """Go on to the cell that begins at `frame`."""
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
        """Take the last value up to `frame` at once, without a crossfade: for an effect that is silent."""
        if self.coming is not None:
            self.now, self.coming = self.coming, None
        if self._waiting:
            self.now = self._take(frame) or self.now

    def _take(self, frame: int) -> T | None:
        """The last value that waits for a frame up to `frame`; it and those before it wait no longer."""
        value = None
        while self._waiting and self._waiting[0][0] <= frame:
            value = self._waiting.pop(0)[1]
        return value
