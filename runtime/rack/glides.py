"""Gains that glide from one value to the next, so that no change clicks: a part's level, pan and sends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GLIDE_S = 0.02


class Glide:
    """A number that moves in a straight line from one value to another, and then stays there.

    Its values depend on absolute frames only, not on block sizes.

    n_frames: length of a glide.
    target: the value at the end of the present glide.
    """

    __slots__ = ("_begin", "_end", "_start", "n_frames", "target")

    def __init__(self, value: float, n_frames: int):
        self._start = self.target = value
        self._begin = self._end = 0
        self.n_frames = n_frames

    def value(self, frame: int) -> float:
        if frame >= self._end:
            return self.target
        return self._start + (self.target - self._start) * (frame - self._begin) / (self._end - self._begin)

    def move(self, frame: int, target: float) -> None:
        if target != self.target:
            self._start, self.target = self.value(frame), target
            self._begin, self._end = frame, frame + self.n_frames

    def rests(self, frame: int) -> bool:
        return frame >= self._end

    def fill(self, out: np.ndarray, frame: int, changes: Sequence[tuple[int, float]] = ()) -> None:
        """Write the values from `frame` on into `out`, float32 (n_frames,).

        changes: pairs (frame, target) as for `move`, with ascending frames. A change before `frame` happens at `frame`.
        """
        done = 0
        for change_frame, target in changes:
            at = max(done, change_frame - frame)
            self._fill_line(out[done:at], frame + done)
            self.move(frame + at, target)
            done = at
        self._fill_line(out[done:], frame + done)

    def _fill_line(self, out: np.ndarray, frame: int) -> None:
        n_line = min(len(out), max(0, self._end - frame))
        if n_line:
            line = _COUNT[:n_line] + np.float32(frame - self._begin)
            line *= np.float32((self.target - self._start) / (self._end - self._begin))
            np.add(line, np.float32(self._start), out=out[:n_line])
        out[n_line:] = self.target


_COUNT = np.arange(32768, dtype=np.float32)  # longer than any glide: 20 ms at 192 kHz are 3,840 frames
