"""Reads the voices' trajectories at a frame: knob offsets, a colour and a level, blended by key and velocity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS
from runtime.engine.voices.modulation.playhead import Playheads
from runtime.sound.trajectory.baked import bake
from runtime.sound.trajectory.trajectory import fit
from runtime.sound.trajectory.use import PlayedTrajectory

N_KEYS = N_VELOCITIES = 128
# Units of the distance from a note to a trajectory: 12 keys count as much as 32 steps of velocity.
_KEY_UNIT, _VELOCITY_UNIT = 12.0, 32.0


class Stretch(NamedTuple):
    """The contents of trajectories at some frames.

    values: the offsets of the knobs, then the gains of the bands in dB;
        float32 (n_trajectories, n_frames, n_knobs + N_BANDS).
    level_db: the levels, float32 (n_trajectories, n_frames).
    """

    values: np.ndarray
    level_db: np.ndarray


class Trajectories:
    """One to four trajectories, played by all lanes; UserError for a knob that is not in knob_names.

    modulated: whether `playheads.advance` will be called.
    keep: factors by which the knobs' positions are multiplied before the offsets are added;
        float32 (n_lanes, n_knobs).
    has_level: whether any level differs from 0 dB.
    has_colour: whether any band's gain differs from 0 dB.
    keys: the trajectories' own keys (`key` in SoundTrajectory), ascending; empty if they have none.
    velocities: the trajectories' own velocities (`velocity` in SoundTrajectory), ascending; empty if they have none.
    """

    def __init__(
        self,
        played: Sequence[PlayedTrajectory],
        knob_names: Sequence[str],
        n_lanes: int,
        sample_rate_hz: int,
        modulated: bool = False,
    ):
        self._n_knobs = len(knob_names)
        baked = [bake(one, fit(one.trajectory, knob_names, "sound"), self._n_knobs) for one in played]
        self.has_level, self.has_colour = any(one.has_level for one in baked), any(one.has_colour for one in baked)
        self.playheads = Playheads(baked, n_lanes, sample_rate_hz, modulated)
        self.keep = np.ones((n_lanes, self._n_knobs), np.float32)
        self._keeps = np.stack([one.keep for one in baked])
        self._blend = blend_weights([(one.key, one.velocity) for one in played])
        self.keys = sorted({one.key for one in played if one.key is not None})
        self.velocities = sorted({one.velocity for one in played if one.velocity is not None})
        self._key_gains_db: np.ndarray | None = None
        self._weights = np.zeros((n_lanes, len(baked)), np.float32)
        # Interpolation also reads the row after the final row, with the weight 0.
        silent = np.zeros((1, self._n_knobs + N_BANDS), np.float32)
        self._rows = np.concatenate([*(one.values for one in baked), silent])
        self._levels = np.concatenate([*(one.level_db for one in baked), np.zeros(1, np.float32)])
        self._n_levels = np.array([one.n_levels for one in baked])[:, None]
        self._held_at, self._release_at = _places([len(one.values) for one in baked], [one.hold_row for one in baked])
        self._held_level_at, self._release_level_at = _places(
            [len(one.level_db) for one in baked], [one.hold_row * one.n_levels for one in baked]
        )
        # Four table rows for each lane and trajectory: two of the held part and two of the release. Values are
        # interpolated between the two rows of a part.
        self._read = np.zeros((n_lanes * 4 * len(baked), self._n_knobs + N_BANDS), np.float32)
        self._out = np.zeros((n_lanes, self._n_knobs + N_BANDS), np.float32)

    def start(self, lane: int, frame: int, key: int, velocity: int, speed: float = 1.0, shift: float = 0.0) -> None:
        """Begin a note.

        key, velocity: in MIDI.
        speed, shift: as in `Playheads.start`.
        """
        self.playheads.start(lane, frame, speed, shift)
        self._weigh(lane, key, velocity)

    def take_over(self, lane: int, old: int, key: int, velocity: int) -> None:
        self.playheads.take_over(lane, old)
        self._weigh(lane, key, velocity)

    def release(self, lane: int, frame: int) -> None:
        self.playheads.release(lane, frame)

    def values(self, lanes: Sequence[int] | np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """The lanes' offsets and their colour: views that are valid until the next call.

        Offsets: what is added to the knobs' positions, float32 (n_lanes, n_knobs).
        Colour: gains of bands in dB, float32 (n_lanes, N_BANDS).
        """
        lanes, frames = np.asarray(lanes, np.int64), np.array([frame])
        weights = self._weights[lanes]
        parts = [(self.playheads.held_rows(lanes, frames), self._held_at, weights)]
        if self.playheads.any_released(lanes, frame):
            fade = self.playheads.fade(lanes, frames)[..., 0].astype(np.float32)
            parts = [(parts[0][0], self._held_at, weights * (np.float32(1.0) - fade))]
            parts.append((self.playheads.release_rows(lanes, frames), self._release_at, weights * fade))
        n_lanes, n = len(lanes), weights.shape[1]
        size = n_lanes, 2 * len(parts), n
        places, shares = np.empty(size, np.int64), np.empty(size, np.float32)
        for number, (rows, first, weight) in enumerate(parts):
            before, share = _split(rows[..., 0])
            at = 2 * number
            np.add(before, first[:, 0], out=places[:, at])
            np.add(places[:, at], 1, out=places[:, at + 1])
            np.multiply(weight, share, out=shares[:, at + 1])
            np.subtract(weight, shares[:, at + 1], out=shares[:, at])
        read = self._read[: places.size]
        np.take(self._rows, places.reshape(-1), axis=0, out=read, mode="clip")
        out = self._out[:n_lanes]
        np.einsum("lr,lrv->lv", shares.reshape(n_lanes, -1), read.reshape(n_lanes, -1, read.shape[1]), out=out)
        return out[:, : self._n_knobs], out[:, self._n_knobs :]

    def levels_db(self, lanes: Sequence[int] | np.ndarray, frames: np.ndarray) -> np.ndarray:
        """The lanes' levels in dB, float32 (n_lanes, n_frames).

        frames: counted from the engine's start, int64 (n_frames,).
        """
        lanes = np.asarray(lanes, np.int64)
        level_db = self._level_db(self.playheads.held_rows(lanes, frames), self._held_level_at)
        if self.playheads.any_released(lanes, int(frames.max())):
            fade = self.playheads.fade(lanes, frames).astype(np.float32)
            released_db = self._level_db(self.playheads.release_rows(lanes, frames), self._release_level_at)
            level_db = level_db * (np.float32(1.0) - fade) + released_db * fade
        weights = self._weights[lanes]
        out = level_db[:, 0] * weights[:, :1]
        # The trajectories are added one by one: the last bits of NumPy's sum would depend on the number of frames.
        for number in range(1, weights.shape[1]):
            out += level_db[:, number] * weights[:, number, None]
        return out

    def stretch(self, frames: np.ndarray) -> Stretch:
        """The contents of the trajectories at some frames of a note whose key is down.

        Call this before any note is played, because it starts a note on lane 0.
        frames: counted from the note's start, int64 (n_frames,).
        """
        self.playheads.start(0, 0)
        rows = self.playheads.held_rows(np.zeros(1, np.int64), frames)
        before, share = _split(rows[0])
        places, share = before + self._held_at, share[..., None]
        values = self._rows[places] * (np.float32(1.0) - share) + self._rows[places + 1] * share
        return Stretch(values, self._level_db(rows, self._held_level_at)[0])

    def shares(self, velocity: int) -> tuple[np.ndarray, np.ndarray]:
        """How the trajectories are blended at each key, for one velocity.

        Returns two arrays:
        - the trajectories' weights, float32 (N_KEYS, n_trajectories)
        - the trajectories' factors, averaged with these weights, float32 (N_KEYS, n_knobs). When a note begins at a
          key, `keep` gets the key's averages for the note's lane.
        """
        weights = self._blend[:, velocity]
        return weights, weights @ self._keeps

    def set_key_gains(self, gains_db: np.ndarray) -> None:
        """Set the gains of notes in dB, by key and velocity.

        gains_db: a row for each key, and a column for each of `velocities`, or one column if there are no velocities;
            float (N_KEYS, n_columns).
        """
        self._key_gains_db = gains_db
        self._by_velocity = _hats(self.velocities or [0], N_VELOCITIES)

    def key_gain(self, key: int, velocity: int) -> float:
        """The gain of a note, as a factor; 1 if `set_key_gains` was not called."""
        if self._key_gains_db is None:
            return 1.0
        return 10.0 ** (float(self._key_gains_db[key] @ self._by_velocity[velocity]) / 20.0)

    def _level_db(self, rows: np.ndarray, first: np.ndarray) -> np.ndarray:
        before, share = _split(rows * self._n_levels)
        before += first
        level_db, after_db = self._levels[before], self._levels[before + 1]
        return level_db * (np.float32(1.0) - share) + after_db * share

    def _weigh(self, lane: int, key: int, velocity: int) -> None:
        weights = self._blend[key, velocity]
        self._weights[lane] = weights
        self.keep[lane] = weights @ self._keeps


def blend_weights(places: Sequence[tuple[int | None, int | None]]) -> np.ndarray:
    """The trajectories' weights for each note, float32 (N_KEYS, N_VELOCITIES, n_trajectories); they add up to 1.

    places: the key and the velocity of each trajectory; None stands for any key or any velocity.

    The keys and the velocities in `places` form a grid, whose crossings are called corners. The trajectory nearest to a
    corner has the weight 1 there. If n trajectories are equally near, each has the weight 1 / n. Between corners the
    weights are interpolated bilinearly. Beyond the outermost corners they are constant.
    """
    keys = sorted({key for key, _ in places if key is not None}) or [0]
    velocities = sorted({velocity for _, velocity in places if velocity is not None}) or [0]
    corners = np.array([[_nearest(places, key, velocity) for velocity in velocities] for key in keys])
    at_velocities = np.tensordot(_hats(keys, N_KEYS), corners, 1)
    if len(velocities) == 1:  # return a view: a whole table would take up to 256 KB
        blend = at_velocities.astype(np.float32)
        return np.broadcast_to(blend, (N_KEYS, N_VELOCITIES, len(places)))
    return np.einsum("avt,bv->abt", at_velocities, _hats(velocities, N_VELOCITIES)).astype(np.float32)


def _nearest(places: Sequence[tuple[int | None, int | None]], key: int, velocity: int) -> np.ndarray:
    distances = [
        (0.0 if k is None else ((k - key) / _KEY_UNIT) ** 2)
        + (0.0 if v is None else ((v - velocity) / _VELOCITY_UNIT) ** 2)
        for k, v in places
    ]
    near = np.isclose(distances, min(distances))
    return near / near.sum()


def _hats(centres: Sequence[int], n: int) -> np.ndarray:
    """The weight of each centre at each number below n, (n, n_centres).

    A weight is 1 at its centre, and falls linearly to 0 at the next centre on either side. On a side without a next
    centre it stays 1.
    """
    return np.stack([np.interp(np.arange(n), centres, row) for row in np.eye(len(centres))], axis=1)


def _places(lengths: Sequence[int], holds: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The rows at which each table's held part and its release begin: two arrays, int64 (n, 1).

    These rows are counted through all tables, laid end to end. If a table has no release, its final row takes the place
    of the release's first row.

    lengths: number of rows of each table.
    holds: final row of each held part, counted from the beginning of its own table.
    """
    ends = np.cumsum(lengths)[:, None]
    firsts = ends - np.array(lengths)[:, None]
    return firsts, np.minimum(firsts + np.array(holds)[:, None] + 1, ends - 1)


def _split(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole rows, int64, and the fractions above them, float32."""
    before = rows.astype(np.int64)
    return before, (rows - before).astype(np.float32)
