"""The clock for live events: converts an event's time of arrival to the engine's frame at which the event sounds."""

from __future__ import annotations

# The newest block's weight in the clock's average over blocks is at least this.
_SMOOTHING = 0.05
# No event is heard later than so many buffers after the newest block began. An unplugged device asks for no more
# blocks: the engine stands still, but time goes on.
MOST_AHEAD = 8


class EngineClock:
    """Converts `time.perf_counter()` to engine frames, so that every live event sounds one buffer after it arrives.

    The audio thread calls `block_begins`; any thread may call `frame_at`. No lock is needed, because the methods share
    only two numbers: an estimate of the time at which frame 0 began, and the newest block's first frame. The estimate
    is an average over blocks, because the driver asks for some blocks a little early or late.
    """

    def __init__(self, sample_rate_hz: float, buffer_frames: int):
        self._sample_rate_hz = sample_rate_hz
        self._buffer_frames = buffer_frames
        self._resync_s = 2.0 * buffer_frames / sample_rate_hz
        self._n_blocks = self._newest = 0
        self._origin_s: float | None = None

    def block_begins(self, frame: int, now_s: float) -> None:
        """Update the clock: the driver has asked, at `now_s`, for the block that begins with `frame`.

        If this block is more than two buffers early or late, the clock forgets all earlier blocks and starts anew.
        """
        self._newest, origin_s = frame, now_s - frame / self._sample_rate_hz
        if self._origin_s is None or abs(origin_s - self._origin_s) > self._resync_s:
            self._n_blocks, self._origin_s = 0, origin_s
        self._n_blocks += 1
        self._origin_s += max(_SMOOTHING, 1.0 / self._n_blocks) * (origin_s - self._origin_s)

    def frame_at(self, time_s: float, not_before: int = 0) -> int | None:
        """The frame at which an event that arrived at `time_s` sounds; None before the first block.

        not_before: the least frame, unless it is more than MOST_AHEAD buffers after the newest block began.
        """
        if self._origin_s is None:
            return None
        frame = round((time_s - self._origin_s) * self._sample_rate_hz) + self._buffer_frames
        return min(max(frame, not_before), self._newest + MOST_AHEAD * self._buffer_frames)
