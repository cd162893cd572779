"""Playheads: for each trajectory of a voice, which row of the trajectory's table is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.events import NEVER
from runtime.sound.trajectory.baked import BakedTrajectory

# A playhead whose speed or place is modulated gets new values at each frame that is a multiple of this.
PLAYHEAD_UPDATE_FRAMES = 1024
RELEASE_FADE_S = 0.05  # crossfade from the held part to the release
FASTEST = 20.0  # highest speed after modulation, in units of the recorded speed

# Indices of the numbers that describe a playhead. Its anchor is the frame at which it started or was last updated. Its
# place and its shift are in rows of the table; their sum tells which row is read.
# _PLACE: the place at the anchor, without the shift.
# _RATE: how far the place moves in a frame.
# _ENTRY: the row at which the playhead enters its loop.
# _SHIFT: the shift at the anchor.
# _SHIFT_CHANGE: how much the shift changes from the anchor to the next update.
_PLACE, _RATE, _ENTRY, _SHIFT, _SHIFT_CHANGE = range(5)


class Playheads:
    """For each lane and each trajectory a playhead: the row of the trajectory's table that sounds now.

    While the key is down, the held part of the table is read: the attack, then the loop. Without a loop, the playhead
    stays at the end that it reaches: the held part's final row, or its first row if the playhead runs backward. When
    the key comes up, the sound fades to the release; `fade` gives the weight of the release. A playhead's anchor is the
    frame at which the note began, or the frame of the newest `advance`. After its anchor, a playhead moves at constant
    speed.

    modulated: whether `advance` will be called.
    """

    def __init__(self, baked: Sequence[BakedTrajectory], n_lanes: int, sample_rate_hz: int, modulated: bool = False):
        def column(values: Sequence[float]) -> np.ndarray:
            return np.array(values, np.float64)[:, None]

        self.has_release = any(one.n_release_rows for one in baked)
        self._modulated, self._folds = modulated, any(one.folds for one in baked)
        self._first = column([one.loop_row or 0 for one in baked])
        lengths = [one.hold_row - one.loop_row if one.loop_row is not None else 1 for one in baked]
        self._length = column(lengths)
        self._period = column([length * (1 + one.folds) for length, one in zip(lengths, baked, strict=True)])
        self._hold = column([one.hold_row for one in baked])
        self._last_release = column([max(0, one.n_release_rows - 1) for one in baked])
        self._releases = column([one.n_release_rows > 0 for one in baked])
        self._start_row = column([one.start_row for one in baked])[:, 0]
        self._entry = column([np.inf if one.loop_row is None else one.loop_row for one in baked])[:, 0]
        self._rows_per_frame = column([one.rows_per_s / sample_rate_hz for one in baked])[:, 0]
        self._fastest = column([FASTEST / one.row_s / sample_rate_hz for one in baked])[:, 0]
        self._state = np.zeros((n_lanes, 5, len(baked)))
        # The numbers at the start of an unmodulated note, made only once: the notes of a chord then begin quickly.
        self._unmodulated = self._starting(1.0, 0.0)
        self._anchor = np.zeros(n_lanes, np.int64)
        # Of each lane's release: the row at its own anchor, this anchor, and the frame at which the key came up. The
        # anchor is the frame at which the key came up, or the frame of the newest `advance` after it.
        self._release_place = np.zeros((n_lanes, len(baked)))
        self._release_anchor, self._key_up = np.full((2, n_lanes), NEVER, np.int64)
        self._fade_frames = max(1, round(RELEASE_FADE_S * sample_rate_hz))

    def start(self, lane: int, frame: int, speed: float = 1.0, shift: float = 0.0) -> None:
        """Begin a note; speed, shift: as in `advance`, but the full shift applies from `frame` on."""
        self._anchor[lane], self._release_anchor[lane], self._key_up[lane] = frame, NEVER, NEVER
        if speed == 1.0 and shift == 0.0:
            self._state[lane] = self._unmodulated
        else:
            self._state[lane] = self._starting(speed, shift)

    def take_over(self, lane: int, old: int) -> None:
        """Let the playheads of `lane` go on where those of lane `old` are, without a release: the key is down."""
        self._anchor[lane], self._state[lane] = self._anchor[old], self._state[old]
        self._release_anchor[lane], self._key_up[lane] = NEVER, NEVER

    def release(self, lane: int, frame: int) -> None:
        self._release_anchor[lane] = self._key_up[lane] = frame
        self._release_place[lane] = 0.0

    def advance(self, frame: int, lanes: np.ndarray, speeds: np.ndarray, shifts: np.ndarray) -> None:
        """Give lanes new speeds and shifts from `frame` on.

        frame: a multiple of PLAYHEAD_UPDATE_FRAMES.
        lanes: int (n,).
        speeds: factors of the trajectories' speeds, float (n,); a negative factor reverses the direction.
        shifts: how far the places are shifted, in units of the held part's length, float (n,). A shift changes
            linearly, and reaches its new value at the next update.

        Call this at each multiple of PLAYHEAD_UPDATE_FRAMES for each sounding lane, before later frames are read.
        ValueError if the playheads were made without `modulated`.
        """
        if not self._modulated:
            raise ValueError("playheads without modulation cannot be advanced")
        elapsed = (frame - self._anchor[lanes])[:, None].astype(np.float64)
        state, rates = self._state[lanes], self._rate(speeds[:, None])
        place = state[:, _PLACE] + state[:, _RATE] * elapsed
        shift = state[:, _SHIFT] + state[:, _SHIFT_CHANGE] * np.minimum(elapsed / PLAYHEAD_UPDATE_FRAMES, 1.0)
        released = np.maximum(frame - self._release_anchor[lanes], 0)[:, None]
        self._release_place[lanes] += np.abs(state[:, _RATE]) * released
        self._release_anchor[lanes] = np.where(released[:, 0] > 0, frame, self._release_anchor[lanes])
        state[:, _PLACE], state[:, _RATE], state[:, _SHIFT] = place, rates, shift
        state[:, _SHIFT_CHANGE] = shifts[:, None] * self._hold[:, 0] - shift
        # A playhead that has reached its loop stays in the loop, even if it turns back.
        state[:, _ENTRY] = _entered(state[:, _ENTRY], place + shift)
        self._state[lanes], self._anchor[lanes] = state, frame

    def held_rows(self, lanes: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """The fractional rows of the held part that are read: float64 (n_lanes, n_trajectories, n_frames).

        lanes: int (n_lanes,).
        frames: the frames to read at, int64 (n_frames,), none before a lane's start. With modulation, they lie between
            the newest update and the next one.
        """
        state = self._state[lanes][..., None]
        elapsed = (frames - self._anchor[lanes, None])[:, None].astype(np.float64)
        place = state[:, _RATE] * elapsed
        place += state[:, _PLACE]
        if self._modulated:
            place += state[:, _SHIFT] + state[:, _SHIFT_CHANGE] * np.minimum(elapsed / PLAYHEAD_UPDATE_FRAMES, 1.0)
        inside = np.remainder(place - self._first, self._period)
        if self._folds:
            # For a trajectory whose loop does not run back and forth, the period is the length, and the next line
            # changes nothing.
            inside = self._length - np.abs(inside - self._length)
        inside += self._first
        entered = place >= state[:, _ENTRY]
        np.maximum(place, 0.0, out=place)
        np.minimum(place, self._hold, out=place)
        return np.where(entered, inside, place)

    def any_released(self, lanes: np.ndarray, frame: int) -> bool:
        """Whether any lane's key has come up before `frame`; False if no trajectory has a release."""
        return self.has_release and bool(self._key_up[lanes].min() < frame)

    def release_rows(self, lanes: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """The fractional rows of the release that are read, 0 before the key comes up. Shapes as in held_rows."""
        elapsed = (frames - self._release_anchor[lanes, None])[:, None].astype(np.float64)
        rows = np.abs(self._state[lanes, _RATE])[..., None] * elapsed
        rows += self._release_place[lanes][..., None]
        return np.minimum(np.maximum(rows, 0.0), self._last_release)

    def fade(self, lanes: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """The release's weight: from 0, the held part alone, to 1, the release alone. Shapes as in held_rows."""
        elapsed = (frames - self._key_up[lanes, None])[:, None] / self._fade_frames
        return np.minimum(np.maximum(elapsed, 0.0), 1.0) * self._releases

    def _rate(self, speed: float | np.ndarray) -> np.ndarray:
        return np.clip(self._rows_per_frame * speed, -self._fastest, self._fastest)

    def _starting(self, speed: float, shift: float) -> np.ndarray:
        """The playheads' state at the start of a note: the rows _PLACE to _SHIFT_CHANGE, (5, n_trajectories)."""
        shifts = shift * self._hold[:, 0]
        entries = _entered(self._entry, self._start_row + shifts)
        return np.stack([self._start_row, self._rate(speed), entries, shifts, np.zeros_like(shifts)])


def _entered(entries: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The row at which each playhead will enter its loop; -inf if it is in the loop."""
    return np.where(places >= entries, -np.inf, entries)
