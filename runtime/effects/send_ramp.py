"""How much of a sound is sent to an effect: a level that moves smoothly."""

from __future__ import annotations

import numpy as np

RAMP_S = 0.02


class SendRamp:
    """A level that moves to each new value in a straight line of RAMP_S, from the frame of the event on.

    level: the value at the start.
    """

    def __init__(self, sample_rate_hz: int, level: float = 0.0):
        self._n_frames = max(1, round(RAMP_S * sample_rate_hz))
        # (frame at which a line begins, level there, level at its end), ascending; the last holds on.
        self._lines = [(-self._n_frames, level, level)]

    def move(self, frame: int, level: float) -> None:
        """Move to `level` from `frame` on; frames must not decrease from call to call, nor lie before frames read."""
        self._lines.append((frame, self._at(frame), level))

    def is_zero(self, frame: int) -> bool:
        """Whether the level is 0 from `frame` on, as far as is known."""
        self._forget(frame)
        return len(self._lines) == 1 and self._lines[0][2] == 0.0 and frame >= self._lines[0][0] + self._n_frames

    def values(self, frame: int, n_frames: int) -> np.ndarray:
        """The level of each frame from `frame` on: float32 (n_frames, 1)."""
        self._forget(frame)
        begin, _, level = self._lines[-1]
        if frame >= begin + self._n_frames:
            return np.broadcast_to(np.float32(level), (n_frames, 1))
        values = np.empty((n_frames, 1), np.float32)
        ends = [line[0] for line in self._lines[1:]] + [frame + n_frames]
        for (begin, start, level), end in zip(self._lines, ends, strict=True):
            first, last = max(frame, begin), min(frame + n_frames, end)
            if first < last:
                share = np.minimum(1.0, np.arange(first - begin, last - begin) / self._n_frames)
                values[first - frame : last - frame, 0] = level + (start - level) * (1.0 - share)
        return values

    def _at(self, frame: int) -> float:
        """The level at `frame`, on the last line."""
        begin, start, level = self._lines[-1]
        return level + (start - level) * (1.0 - min(1.0, (frame - begin) / self._n_frames))

    def _forget(self, frame: int) -> None:
        """Forget the lines that end before `frame`."""
        while len(self._lines) > 1 and self._lines[1][0] <= frame:
            del self._lines[0]
