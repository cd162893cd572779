"""Makes a trajectory's tables for playback: scales its values by `motion` and `colour`, and crossfades its loop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS
from runtime.sound.trajectory.loop import find_loop
from runtime.sound.trajectory.trajectory import (
    HIGHEST_COLOUR_DB,
    HIGHEST_LEVEL_DB,
    LEVEL_STEP_S,
    LOWEST_LEVEL_DB,
)
from runtime.sound.trajectory.use import PlayedTrajectory

LONGEST_ROW_S = 0.0125  # short, because the trajectory's marks are rounded to the nearest row
LONGEST_CROSSFADE_S = 0.25


@dataclass(frozen=True, eq=False, kw_only=True)
class BakedTrajectory:
    """The tables of one trajectory: the rows of the held part, then the rows of the release.

    row_s: time from one row to the next.
    values: for each row, the knobs' positions or offsets, then the colour in dB; float32 (n_rows, n_knobs + N_BANDS).
    level_db: n_levels levels for each row, but only one level for the last row of each part; float32.
    keep: for each knob, 1 if the values are added to its position, 0 if they replace its position; float32 (n_knobs,).
    hold_row: last row of the held part, and of the loop.
    loop_row: first row of the loop; None for no loop.
    folds: whether the loop is played alternately forward and backward.
    start_row: row at which a note begins.
    rows_per_s: how fast a note moves through the rows; negative for backward.
    """

    row_s: float
    values: np.ndarray
    level_db: np.ndarray
    n_levels: int
    keep: np.ndarray
    hold_row: int
    loop_row: int | None
    n_release_rows: int
    folds: bool
    start_row: float
    rows_per_s: float

    @property
    def has_level(self) -> bool:
        return bool(self.level_db.any())

    @property
    def has_colour(self) -> bool:
        return bool(self.values[:, -N_BANDS:].any())


def bake(played: PlayedTrajectory, knobs: tuple[int, ...], n_knobs: int) -> BakedTrajectory:
    """Make the tables of a trajectory.

    knobs: the index of the knob that each of the trajectory's latents moves, from `fit`.
    n_knobs: number of the instrument's knobs.
    """
    trajectory = played.trajectory
    n_splits = math.ceil(trajectory.step_s / LONGEST_ROW_S - 1e-6)
    row_s = trajectory.step_s / n_splits
    n_levels = math.ceil(row_s / LEVEL_STEP_S - 1e-6)
    marks = _mark_rows(played, row_s)
    values, keep = _values(played, row_s, marks, knobs, n_knobs)
    level_times = np.arange((marks.n_rows - 1) * n_levels + 1) * (row_s / n_levels)
    level_db = np.interp(level_times, np.arange(len(trajectory.level_db)) * LEVEL_STEP_S, trajectory.level_db)
    backward = played.direction == "backward"
    start = float(backward) if played.start is None else played.start
    return BakedTrajectory(
        row_s=row_s,
        values=values,
        level_db=_parts(level_db, n_levels, marks, played.motion, (LOWEST_LEVEL_DB, HIGHEST_LEVEL_DB)),
        n_levels=n_levels,
        keep=keep,
        hold_row=marks.hold,
        loop_row=marks.loop,
        n_release_rows=len(values) - marks.hold - 1,
        folds=marks.folds,
        start_row=start * marks.hold,
        rows_per_s=(-1.0 if backward else 1.0) * played.speed / row_s,
    )


class _MarkRows(NamedTuple):
    """The marks of a trajectory as row numbers.

    sustained: first row of the sustained part.
    loop: first row of the loop.
    hold: last row of the held part.
    release: first row of the release; n_rows for no release.
    fade: number of rows of the loop's crossfade.
    folds: as in BakedTrajectory.
    n_rows: rows of the whole trajectory.
    """

    sustained: int
    loop: int | None
    hold: int
    release: int
    fade: int
    folds: bool
    n_rows: int


def _mark_rows(played: PlayedTrajectory, row_s: float) -> _MarkRows:
    trajectory, folds = played.trajectory, played.direction == "ping_pong"
    n_rows = math.ceil(trajectory.duration_s / row_s - 1e-3) + 1
    release = n_rows if trajectory.release_s is None else round(trajectory.release_s / row_s)
    if release >= n_rows - 1:
        release = n_rows
    loop_s = trajectory.loop_s
    if loop_s is None and not trajectory.plays_once:
        loop_s = find_loop(trajectory)
    hold = min(release, n_rows - 1) if loop_s is None else min(n_rows - 1, round(loop_s[1] / row_s))
    loop = None if loop_s is None else min(hold - 1, round(loop_s[0] / row_s))
    if folds and loop is None:
        loop = 0
    if hold == 0 or loop == -1:
        loop = None
    fade = 0 if loop is None or folds else min((hold - loop) // 2, round(LONGEST_CROSSFADE_S / row_s))
    sustained = min(hold, round(trajectory.attack_s / row_s)) if loop is None else loop
    return _MarkRows(sustained, loop, hold, release, fade, folds, n_rows)


def _values(
    played: PlayedTrajectory, row_s: float, marks: _MarkRows, knobs: tuple[int, ...], n_knobs: int
) -> tuple[np.ndarray, np.ndarray]:
    trajectory = played.trajectory
    hop_times, row_times = np.arange(trajectory.n_hops) * trajectory.step_s, np.arange(marks.n_rows) * row_s
    latents = _resampled(trajectory.latents, hop_times, row_times)
    latents = _parts(latents, 1, marks, played.motion, (-1.0, 1.0))
    colour_db = _resampled(trajectory.colour_db, hop_times, row_times)
    colour_db = _parts(colour_db, 1, marks, played.motion, (-HIGHEST_COLOUR_DB, HIGHEST_COLOUR_DB))
    values, keep = np.zeros((len(latents), n_knobs + N_BANDS), np.float32), np.ones(n_knobs, np.float32)
    values[:, list(knobs)] = latents
    values[:, n_knobs:] = colour_db * np.float32(played.colour)
    keep[list(knobs)] = not trajectory.replaces_knobs
    return values, keep


def _parts(
    values: np.ndarray, per_row: int, marks: _MarkRows, motion: float, limits: tuple[float, float]
) -> np.ndarray:
    """Apply motion, limits and the loop's crossfade to `values`; returns the held part, then the release.

    per_row: how many entries of `values` there are from one row of the table to the next.
    """
    sustained = values[marks.sustained * per_row : marks.hold * per_row + 1]
    moved = _moved(values, sustained, motion).clip(*limits)
    held = moved[: marks.hold * per_row + 1].copy()
    if marks.fade:
        _crossfade(held, marks.loop * per_row, marks.fade * per_row)
    elif marks.loop is not None and not marks.folds:
        held[-1] = held[marks.loop * per_row]
    return np.concatenate([held, moved[marks.release * per_row :]]).astype(np.float32)


def _resampled(values: np.ndarray, times_s: np.ndarray, new_times_s: np.ndarray) -> np.ndarray:
    places = np.interp(new_times_s, times_s, np.arange(len(times_s)))
    before = np.minimum(places.astype(int), max(0, len(times_s) - 2))
    after = np.minimum(before + 1, len(times_s) - 1)
    share = (places - before)[:, None]
    return values[before] * (1.0 - share) + values[after] * share


def _moved(values: np.ndarray, sustained: np.ndarray, motion: float) -> np.ndarray:
    if motion == 1.0:
        return values.astype(np.float64)
    mean = sustained.mean(axis=0, dtype=np.float64)
    return mean + motion * (values - mean)


def _crossfade(held: np.ndarray, loop: int, fade: int) -> None:
    """Crossfade from the last `fade` rows of `held` to the `fade` rows that lead up to row `loop`, in place.

    The last row then equals row `loop`. If fewer than `fade` rows come before row `loop`, the first row is repeated.
    """
    share = np.linspace(0.0, 1.0, fade + 1).reshape(-1, *(1 for _ in held.shape[1:]))
    before = held[np.maximum(np.arange(loop - fade, loop + 1), 0)]
    held[-fade - 1 :] += share * (before - held[-fade - 1 :])
    held[-1] = held[loop]
