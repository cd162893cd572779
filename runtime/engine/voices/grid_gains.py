"""Left and right gains of voices whose level or pan is modulated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from runtime.engine.voices.bank import Voice
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.modulation.sources import Moment

# A gain is computed for the middle of each interval of this length, and a curve joins the gains. If a gain swings at
# 20 Hz, the curve makes its swing 1.7 % smaller. After a control jumps, a gain moves for two intervals.
GAIN_GRID_FRAMES = 128
_LOWEST_DB, _HIGHEST_DB = -96.0, 24.0


class GridGains:
    """The modulated gains of all lanes, on a grid of absolute frames.

    The gain for the middle of an interval is computed at the beginning of the previous interval. So a gain never
    depends on where a span begins. A curve, a quadratic B-spline, joins the gains. Straight lines would have bends,
    which are heard as clicks in a voice that is far louder than full scale.
    """

    def __init__(self, n_lanes: int, longest_span: int, channels: Channels):
        self._channels = channels
        n_points = longest_span // GAIN_GRID_FRAMES + 4
        # Left and right gain of each lane for each interval. The first column is for interval number _first - 1.
        self._points = np.ones((2, n_lanes, n_points))
        self._first = 0
        self._began = [-1] * n_lanes  # for each lane, `Voice.order` of the note whose gains `_points` holds
        self._values = np.empty((2, n_lanes, longest_span), np.float32)
        frames = np.arange(longest_span + GAIN_GRID_FRAMES)
        self._intervals = frames // GAIN_GRID_FRAMES
        self._fractions = (frames % GAIN_GRID_FRAMES / GAIN_GRID_FRAMES).astype(np.float32)

    def begin_span(self, voices: Sequence[Voice], frame: int, n_frames: int) -> None:
        """Compute the gains of voices with modulated gains, up to the end of a span of n_frames."""
        first, last = frame // GAIN_GRID_FRAMES, -(-(frame + n_frames) // GAIN_GRID_FRAMES)
        n_points, kept, past = last - first + 2, first - self._first, frame % GAIN_GRID_FRAMES
        # The gains for the span's first interval and for the interval before it were computed earlier, and are kept.
        # If the span begins inside its first interval, the gains for its second interval are kept, too.
        n_kept = 3 if past else 2
        if 0 < kept <= self._points.shape[2] - n_kept:
            self._points[:, :, :n_kept] = self._points[:, :, kept : kept + n_kept]
        self._first = first
        frames = (np.arange(first, last + 1) + 0.5) * GAIN_GRID_FRAMES
        for played in {voice.played: None for voice in voices}:
            alike = [voice for voice in voices if voice.played is played]
            lanes = np.array([voice.lane for voice in alike])
            gains = self._gains(alike, lanes, frames)
            for row, voice in enumerate(alike):
                points, wanted = self._points[:, voice.lane, :n_points], gains[:, row]
                is_new = self._began[voice.lane] != voice.order
                self._began[voice.lane] = voice.order
                start = 1 if is_new else n_kept
                points[:, start:] = wanted[:, start - 1 :]
                if is_new:
                    # A new note has no earlier gains. In place of them it gets the gain of the first interval whose
                    # middle is not past.
                    middle = 2 if past > GAIN_GRID_FRAMES // 2 else 1
                    points[:, :middle] = points[:, middle : middle + 1]

    def _gains(self, voices: Sequence[Voice], lanes: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Left and right gains of voices that all play the same sound, at `frames`: float64 (2, n_voices, n_frames)."""
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
        """Left and right gains of lanes for n_frames, beginning at `frame`.

        Returns float32 (2, n, n_frames), valid until the next call.
        """
        at = frame - self._first * GAIN_GRID_FRAMES
        n_points = -(-(at + n_frames) // GAIN_GRID_FRAMES) + 2
        points = self._points[:, lanes, :n_points].astype(np.float32)
        before, middle, after = points[:, :, :-2], points[:, :, 1:-1], points[:, :, 2:]
        intervals, out = self._intervals[at : at + n_frames], self._values[:, : len(lanes), :n_frames]
        fractions = self._fractions[at : at + n_frames]
        (0.5 * (before + after) - middle).take(intervals, axis=2, out=out, mode="clip")
        out *= fractions
        out += (middle - before).take(intervals, axis=2)
        out *= fractions
        out += (0.5 * (before + middle)).take(intervals, axis=2)
        return out
