"""A trajectory as tables that the engine plays by reading: motion, colour and the loop's crossfade are in the values."""

from __future__ import annotations

import math
from dataclasses import dataclass

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

LONGEST_ROW_S = 0.0125  # marks are moved to the nearest row
LONGEST_CROSSFADE_S = 0.25


@dataclass(frozen=True, eq=False, kw_only=True)
class BakedTrajectory:
    """The tables of one trajectory. First come the rows of the held part, then those of the release.

    row_s: time from row to row. values: float32 (n_rows, n_knobs + N_BANDS), offsets of the knob positions, then the
    colour in dB. level_db: float32, n_levels levels for each row, but only one for the last row of each part.
    keep: float32 (n_knobs,), 1 where the offset is added to the knob, 0 where it takes the knob's place.
    hold_row: last row of the held part, the loop's end if there is a loop. loop_row: first row of the loop, or None.
    n_release_rows: 0 without a release. folds: whether the loop runs to and fro.
    start_row: where a note begins. rows_per_s: rows that pass in a second, negative for backward.
    has_level, has_colour: whether a level or a gain differs from 0 dB.
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
        """Whether the level is ever other than 0 dB."""
        return bool(self.level_db.any())

    @property
    def has_colour(self) -> bool:
        """Whether the colour is ever other than 0 dB."""
        return bool(self.values[:, -N_BANDS:].any())


def bake(played: PlayedTrajectory, knobs: tuple[int, ...], n_knobs: int) -> BakedTrajectory:
    """The tables of a trajectory; knobs: the number of the knob that each latent moves, from `fit`."""
    trajectory = played.trajectory
    n_splits = math.ceil(trajectory.step_s / LONGEST_ROW_S - 1e-6)
    row_s = trajectory.step_s / n_splits
    n_levels = math.ceil(row_s / LEVEL_STEP_S - 1e-6)
    n_rows = math.ceil(trajectory.duration_s / row_s - 1e-3) + 1
    loop, hold, release = _marked_rows(played, row_s, n_rows)
    folds = played.direction == "ping_pong"
    if folds and loop is None:
        loop = 0
    fade = 0 if loop is None or folds else min((hold - loop) // 2, round(LONGEST_CROSSFADE_S / row_s))
    first_sustained = round(trajectory.attack_s / row_s) if loop is None else loop

    def baked(values: np.ndarray, per_row: int, lowest: float, highest: float) -> np.ndarray:
        """Values after motion, clipped and crossfaded, the held part and then the release."""
        sustained = values[first_sustained * per_row : hold * per_row + 1]
        moved = _moved(values, sustained, played.motion).clip(lowest, highest)
        held = moved[: hold * per_row + 1].copy()
        if fade:
            _crossfade(held, loop * per_row, fade * per_row)
        return np.concatenate([held, moved[release * per_row :]]).astype(np.float32)

    row_times, level_times = np.arange(n_rows) * row_s, np.arange((n_rows - 1) * n_levels + 1) * (row_s / n_levels)
    hop_times = np.arange(trajectory.n_hops) * trajectory.step_s
    latents = baked(_resampled(trajectory.latents, hop_times, row_times), 1, -1.0, 1.0)
    colour_db = _resampled(trajectory.colour_db, hop_times, row_times)
    colour_db = baked(colour_db, 1, -HIGHEST_COLOUR_DB, HIGHEST_COLOUR_DB) * np.float32(played.colour)
    level_db = np.interp(level_times, np.arange(len(trajectory.level_db)) * LEVEL_STEP_S, trajectory.level_db)
    values = np.zeros((len(latents), n_knobs + N_BANDS), np.float32)
    values[:, list(knobs)] = latents
    values[:, n_knobs:] = colour_db
    keep = np.ones(n_knobs, np.float32)
    keep[list(knobs)] = not trajectory.replaces_knobs
    backward = played.direction == "backward"
    start = float(backward) if played.start is None else played.start
    return BakedTrajectory(
        row_s=row_s,
        values=values,
        level_db=baked(level_db, n_levels, LOWEST_LEVEL_DB, HIGHEST_LEVEL_DB),
        n_levels=n_levels,
        keep=keep,
        hold_row=hold,
        loop_row=loop,
        n_release_rows=len(values) - hold - 1,
        folds=folds,
        start_row=start * hold,
        rows_per_s=(-1.0 if backward else 1.0) * played.speed / row_s,
    )


def _marked_rows(played: PlayedTrajectory, row_s: float, n_rows: int) -> tuple[int | None, int, int]:
    """The loop's first row or None, the last row of the held part, and the first row of the release.

    Without a release, its first row is n_rows.
    """
    trajectory = played.trajectory
    loop_s = trajectory.loop_s
    if loop_s is None and not trajectory.plays_once:
        loop_s = find_loop(trajectory)
    release = n_rows if trajectory.release_s is None else round(trajectory.release_s / row_s)
    if release >= n_rows - 1:
        release = n_rows
    if loop_s is None:
        return None, min(release, n_rows - 1), release
    end = min(n_rows - 1, round(loop_s[1] / row_s))
    start = min(end - 1, round(loop_s[0] / row_s))
    return (start, end, release) if start >= 0 else (None, end, release)


def _resampled(values: np.ndarray, times_s: np.ndarray, new_times_s: np.ndarray) -> np.ndarray:
    """Values (n, m) at new times, on straight lines between the old ones."""
    places = np.interp(new_times_s, times_s, np.arange(len(times_s)))
    before = np.minimum(places.astype(int), max(0, len(times_s) - 2))
    after = np.minimum(before + 1, len(times_s) - 1)
    share = (places - before)[:, None]
    return values[before] * (1.0 - share) + values[after] * share


def _moved(values: np.ndarray, sustained: np.ndarray, motion: float) -> np.ndarray:
    """Values moved away from the mean of the sustained ones, or towards it."""
    if motion == 1.0:
        return values.astype(np.float64)
    mean = sustained.mean(axis=0, dtype=np.float64)
    return mean + motion * (values - mean)


def _crossfade(held: np.ndarray, loop: int, fade: int) -> None:
    """Fade the last `fade` rows over to the rows before the loop, so that the last row equals the loop's first row.

    If fewer rows lie before the loop, the first row stands for the missing ones.
    """
    share = np.linspace(0.0, 1.0, fade + 1).reshape(-1, *(1 for _ in held.shape[1:]))
    before = held[np.maximum(np.arange(loop - fade, loop + 1), 0)]
    held[-fade - 1 :] += share * (before - held[-fade - 1 :])
    held[-1] = held[loop]
