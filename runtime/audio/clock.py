"""Turns the time at which an event arrived into the frame at which the event sounds."""

from __future__ import annotations

# Weight of the newest block in the average that estimates the time of frame 0. At the start, all blocks have equal
# weights.
_SMOOTHING = 0.05
# An event's frame is at most this many buffers after the start of the newest block. Without the limit, an event that
# arrives while a device is unplugged could get a frame far ahead: time goes on, but the engine stands still, because
# the device asks for no blocks.
MOST_AHEAD = 8
# The notes of a chord arrive a fraction of a ms apart. For each frame at which something happens, the engine does
# nearly as much work as for a block: 16 notes at 16 frames took 4 times as long as 16 notes at one frame. So events
# sound only on a grid: at the multiples of GRID_FRAMES, which are 0.7 ms apart at 44.1 kHz.
GRID_FRAMES = 32


class EngineClock:
    """Converts times of `time.perf_counter()` to engine frames. A live event sounds one buffer after it arrives.

    The audio thread calls `block_begins`; any thread may call `frame_at`, and no lock is needed. The driver asks for
    some blocks a little early or late, so the time of frame 0 is estimated as an average over blocks.

    buffer_frames: length of the output's buffer.
    """

    def __init__(self, sample_rate_hz: float, buffer_frames: int):
        self._sample_rate_hz = sample_rate_hz
        self.buffer_frames = buffer_frames
        self._resync_s = 2.0 * buffer_frames / sample_rate_hz
        self._n_blocks = self._newest = 0
        self._origin_s: float | None = None

    def block_begins(self, frame: int, now_s: float) -> None:
        """Add a block to the average: the driver asked at `now_s` for the block that begins with `frame`.

        If this block is more than two buffers early or late, the average starts anew with it.
        """
        self._newest, origin_s = frame, now_s - frame / self._sample_rate_hz
        if self._origin_s is None or abs(origin_s - self._origin_s) > self._resync_s:
            self._n_blocks, self._origin_s = 0, origin_s
        self._n_blocks += 1
        self._origin_s += max(_SMOOTHING, 1.0 / self._n_blocks) * (origin_s - self._origin_s)

    def frame_at(self, time_s: float, not_before: int = 0, is_exact: bool = False) -> int | None:
        """The frame at which an event that arrived at `time_s` sounds; None before the first block.

        not_before: the frame is at least this one, unless the limit of MOST_AHEAD is lower.
        is_exact: whether the frame may lie between two frames of the grid. True for a MIDI clock, from which the tempo
            is measured.
        """
        if self._origin_s is None:
            return None
        grid_frames = 1 if is_exact else GRID_FRAMES
        exact = (time_s - self._origin_s) * self._sample_rate_hz + self.buffer_frames
        frame = grid_frames * round(exact / grid_frames)
        return min(max(frame, not_before), self._newest + MOST_AHEAD * self.buffer_frames)
