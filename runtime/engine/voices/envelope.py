"""Ramps for envelopes and gains: each value is a function of the absolute frame."""

from __future__ import annotations

import numpy as np

from runtime.events import NEVER

# The coefficients of x, x^2 and x^3 in the cubic x^2 (3 - 2 x), whose slope is 0 at both ends.
SMOOTH = (0.0, 3.0, -2.0)


class Ramps:
    """Rows of values: each row holds a level, or moves to another level along a cubic.

    A moving row's value at frame f is from + (to - from) p(x), where x = (f - start) / length and p is a cubic with
    p(0) = 0 and p(1) = 1.

    max_frames: the most frames in one call of `values`.

    Attributes:
    target: the level that each row holds or moves to, float32 (n_rows, 1).
    end: the frame at which each row's move ends, or NEVER; int64 (n_rows,).
    n_changes: how often `jump` or `move` has changed a row so far.
    """

    def __init__(self, n_rows: int, max_frames: int):
        self.n_moving = self.n_changes = 0
        self.target = np.zeros((n_rows, 1), np.float32)
        self.end = np.full(n_rows, NEVER, np.int64)
        self._start = np.zeros((n_rows, 1), np.int64)
        self._from = np.zeros((n_rows, 1), np.float32)
        self._length = np.ones((n_rows, 1), np.float32)
        self._shape = np.zeros((3, n_rows, 1), np.float32)
        # For single rows: an item of a memoryview is read and written several times as fast as an array's row.
        columns = self.target, self._from, self._length
        self._targets, self._froms, self._lengths = (memoryview(column[:, 0]) for column in columns)
        self._starts, self._ends = memoryview(self._start[:, 0]), memoryview(self.end)
        self._c1s, self._c2s, self._c3s = (memoryview(coefficient) for coefficient in self._shape[:, :, 0])
        self._steps = np.arange(max_frames, dtype=np.float32)
        self._x, self._y = np.empty((2, n_rows * max_frames), np.float32)

    def jump(self, row: int, level: float) -> None:
        self.n_moving -= self._ends[row] != NEVER
        self.n_changes += 1
        self._targets[row] = self._froms[row] = level
        self._ends[row] = NEVER

    def move(self, row: int, frame: int, level: float, n_frames: int, shape: tuple[float, float, float]) -> None:
        """Move a row to `level`, along a cubic. The move begins at `frame`.

        n_frames: the move's length.
        shape: the cubic's coefficients of x, x^2 and x^3.
        """
        length = max(1, n_frames)
        self.n_moving += self._ends[row] == NEVER
        self.n_changes += 1
        self._froms[row] = self.value(row, frame)
        self._targets[row] = level
        self._starts[row], self._ends[row], self._lengths[row] = frame, frame + length, length
        self._c1s[row], self._c2s[row], self._c3s[row] = shape

    def settle(self, row: int) -> None:
        """End a row's move at once: the row holds its target level from now on."""
        self.jump(row, self._targets[row])

    def value(self, row: int, frame: int) -> float:
        if self._ends[row] == NEVER:
            return self._targets[row]
        x = min(float(frame - self._start[row, 0]), float(self._length[row, 0])) / float(self._length[row, 0])
        c1, c2, c3 = self._shape[:, row, 0]
        start = float(self._from[row, 0])
        return start + (float(self.target[row, 0]) - start) * float(((c3 * x + c2) * x + c1) * x)

    def next_end(self, n_rows: int) -> int:
        """The earliest frame at which a move of one of the first n_rows rows ends; NEVER if none moves."""
        return int(self.end[:n_rows].min(initial=NEVER)) if self.n_moving else NEVER

    def values(self, n_rows: int, frame: int, n_frames: int) -> np.ndarray:
        """Values of the first n_rows rows in n_frames frames: float32 (n_rows, n_frames).

        If no row moves, they are (n_rows, 1).
        frame: the first of these frames. The caller chooses them so that no move ends among them.
        """
        if not self.n_moving:
            return self.target[:n_rows]
        x = self._x[: n_rows * n_frames].reshape(n_rows, n_frames)
        y = self._y[: n_rows * n_frames].reshape(n_rows, n_frames)
        c1, c2, c3 = self._shape[:, :n_rows]
        # The number of frames since a move's start is whole, and float32 holds it exactly for six minutes. So x does
        # not depend on the frame at which the span begins.
        np.add((frame - self._start[:n_rows]).astype(np.float32), self._steps[:n_frames], out=x)
        x /= self._length[:n_rows]
        np.minimum(x, np.float32(1.0), out=x)
        np.multiply(x, c3, out=y)
        y += c2
        y *= x
        y += c1
        y *= x
        y *= self.target[:n_rows] - self._from[:n_rows]
        y += self._from[:n_rows]
        return y
