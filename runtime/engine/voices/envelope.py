"""Envelopes and gain ramps in closed form: the value at a frame never depends on how a block was cut."""

from __future__ import annotations

import numpy as np

NEVER = np.int64(2**62)
SMOOTH = (0.0, 3.0, -2.0)  # x^2 (3 - 2 x): starts and lands without a kink
LANDING = (3.0, -3.0, 1.0)  # 1 - (1 - x)^3: fast, then slow, as a discharge is heard, but it does end


class Ramps:
    """One value per row that moves from a level to the next along a cubic; sample-accurate and block-free.

    Frames are absolute. A row's value at frame f is from + (to - from) p(x), x = (f - start) / length, p a cubic with
    p(0) = 0 and p(1) = 1; after its end it rests at `to`. n_moving: how many rows are on their way; n_changes: how
    often a row was told to do something else.
    """

    def __init__(self, n_rows: int, max_frames: int):
        self.n_moving = self.n_changes = 0
        self.target = np.zeros((n_rows, 1), np.float32)
        self.end = np.full(n_rows, NEVER, np.int64)
        self._start = np.zeros((n_rows, 1), np.int64)
        self._from = np.zeros((n_rows, 1), np.float32)
        self._length = np.ones((n_rows, 1), np.float32)
        self._shape = np.zeros((3, n_rows, 1), np.float32)
        self._steps = np.arange(max_frames, dtype=np.float32)
        self._x, self._y = np.empty((2, n_rows * max_frames), np.float32)

    def jump(self, row: int, level: float) -> None:
        """Rest at a level at once."""
        self.n_moving -= self.end[row] != NEVER
        self.n_changes += 1
        self.target[row] = self._from[row] = level
        self.end[row] = NEVER

    def move(self, row: int, frame: int, level: float, n_frames: int, shape: tuple[float, float, float]) -> None:
        """Start at `frame` towards `level`, there after `n_frames` (at least 1)."""
        self.n_moving += self.end[row] == NEVER
        self.n_changes += 1
        self._from[row] = self.value(row, frame)
        self.target[row] = level
        self._start[row], self.end[row] = frame, frame + max(1, n_frames)
        self._length[row] = max(1, n_frames)
        self._shape[:, row, 0] = shape

    def settle(self, row: int) -> None:
        """Rest where the move has led."""
        self.jump(row, float(self.target[row, 0]))

    def value(self, row: int, frame: int) -> float:
        """Value of a row at a frame."""
        if self.end[row] == NEVER:
            return float(self.target[row, 0])
        x = min(float(frame - self._start[row, 0]), float(self._length[row, 0])) / float(self._length[row, 0])
        c1, c2, c3 = self._shape[:, row, 0]
        start = float(self._from[row, 0])
        return start + (float(self.target[row, 0]) - start) * float(((c3 * x + c2) * x + c1) * x)

    def next_end(self, n_rows: int) -> int:
        """Frame at which the first of the first `n_rows` arrives."""
        return int(self.end[:n_rows].min(initial=NEVER)) if self.n_moving else int(NEVER)

    def values(self, n_rows: int, frame: int, n_frames: int) -> np.ndarray:
        """Values of the first rows from `frame` on: float32 (n_rows, n_frames), or (n_rows, 1) where all rest.

        No row may arrive within these frames: the caller ends its span there.
        """
        if not self.n_moving:
            return self.target[:n_rows]
        x = self._x[: n_rows * n_frames].reshape(n_rows, n_frames)
        y = self._y[: n_rows * n_frames].reshape(n_rows, n_frames)
        c1, c2, c3 = self._shape[:, :n_rows]
        # Whole frames since the start are exact in float32 for six minutes: x is the same wherever a span begins.
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
