"""Left and right gains of voices whose level or pan is modulated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from runtime.engine.voices.bank import Voice
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.modulation.sources import Moment

# Gains are computed at frames that are multiples of this, and interpolated linearly. The interpolation makes a wave of
# 20 Hz 1 % weaker. After a step of a control, a gain moves for this long, which is longer than the shortest attack.
GAIN_GRID_FRAMES = 128
_LOWEST_DB, _HIGHEST_DB = -96.0, 24.0


class GridGains:
    """The modulated gains of all lanes, on a grid of absolute frames.

    The gain at a point of the grid is computed at the point before, with the controls at that time. So a gain never
    depends on where a span begins.

    longest_span: most frames of one span.
    """

    def __init__(self, n_lanes: int, longest_span: int, channels: Channels):
        self._channels = channels
        n_points = longest_span // GAIN_GRID_FRAMES + 3
        self._points = np.ones((2, n_lanes, n_points))  # left and right gain of each lane at each point
        self._first = 0  # the first point's frame, divided by GAIN_GRID_FRAMES
        self._began = [-1] * n_lanes  # the `Voice.order` of the note that each lane's points belong to
        self._values = np.empty((2, n_lanes, longest_span), np.float32)
        frames = np.arange(longest_span + GAIN_GRID_FRAMES)
        self._intervals = frames // GAIN_GRID_FRAMES
        self._fractions = (frames % GAIN_GRID_FRAMES / GAIN_GRID_FRAMES).astype(np.float32)

    def begin_span(self, voices: Sequence[Voice], frame: int, n_frames: int) -> None:
        """Compute the gains of voices, up to the end of a span of n_frames; voices: those with modulated gains."""
        first, last = frame // GAIN_GRID_FRAMES, -(-(frame + n_frames) // GAIN_GRID_FRAMES)
        n_points, kept = last - first + 1, first - self._first
        # The point at or before the span's beginning was computed earlier. If the span begins between two points, the
        # next point was computed earlier, too.
        n_kept = 1 if frame % GAIN_GRID_FRAMES == 0 else 2
        if 0 < kept <= self._points.shape[2] - n_kept:
            self._points[:, :, :n_kept] = self._points[:, :, kept : kept + n_kept]
        self._first = first
        frames = np.arange(first, last + 1) * float(GAIN_GRID_FRAMES)
        for played in {voice.played: None for voice in voices}:
            alike = [voice for voice in voices if voice.played is played]
            lanes = np.array([voice.lane for voice in alike])
            gains = self._gains(alike, lanes, frames)
            for row, voice in enumerate(alike):
                is_new = self._began[voice.lane] != voice.order
                self._began[voice.lane] = voice.order
                # A note that begins between two points has the next point's gains until that point.
                start = 0 if is_new else n_kept
                self._points[:, voice.lane, start:n_points] = gains[:, row, start:]
                if is_new and n_kept == 2:
                    self._points[:, voice.lane, 0] = gains[:, row, 1]

    def _gains(self, voices: Sequence[Voice], lanes: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Left and right gains, float64 (2, n, n_points), of voices that play one sound."""
        played = voices[0].played
        sums = played.modulator.values(played.gain_targets, Moment(voices, lanes, frames))
        shape = len(voices), len(frames)
        pan = np.array([[self._channels.pan(voice.channel) + voice.knobs.pan] for voice in voices])
        angle = np.clip(pan + sums.get("pan", 0.0), -1.0, 1.0)
        angle += 1.0
        angle *= math.pi / 4.0
        level_db = sums.get("level", np.zeros((1, 1)))
        if played.trajectories is not None and played.trajectories.has_level:
            level_db = level_db + played.trajectories.levels_db(lanes, frames.astype(np.int64))
        level = 10.0 ** (np.clip(level_db, _LOWEST_DB, _HIGHEST_DB) / 20.0)
        sides = np.stack((np.cos(angle), np.sin(angle))) * math.sqrt(2.0)
        return np.broadcast_to(sides * level, (2, *shape))

    def values(self, lanes: Sequence[int], frame: int, n_frames: int) -> np.ndarray:
        """Left and right gains of lanes from `frame` on, float32 (2, n, n_frames), valid until the next call."""
        at = frame - self._first * GAIN_GRID_FRAMES
        n_points = -(-(at + n_frames) // GAIN_GRID_FRAMES) + 1
        points = self._points[:, lanes, :n_points].astype(np.float32)
        intervals, out = self._intervals[at : at + n_frames], self._values[:, : len(lanes), :n_frames]
        (points[:, :, 1:] - points[:, :, :-1]).take(intervals, axis=2, out=out, mode="clip")
        out *= self._fractions[at : at + n_frames]
        out += points.take(intervals, axis=2)
        return out
