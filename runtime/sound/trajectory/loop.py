"""Finds a sustain loop: two moments between which a jump is least audible."""

from __future__ import annotations

import numpy as np

from runtime.sound.trajectory.trajectory import LEVEL_STEP_S, Trajectory

FEWEST_HOPS = 4  # a shorter sustained part has no loop
MOST_CANDIDATES = 400  # at most this many hops are compared with each other; more would take too long
# Differences that count alike: 0.05 of a knob's position, 2 dB in all bands, 3 dB of the level.
_LATENT_UNIT, _COLOUR_UNIT_DB, _LEVEL_UNIT_DB = 0.05, 2.0, 3.0
# Weight of a squared difference in slope (change per hop), relative to a squared difference in value.
_SLOPE_WEIGHT = 4.0


def find_loop(trajectory: Trajectory) -> tuple[float, float] | None:
    """The beginning and end, in s, of the loop whose two ends differ least.

    The ends are compared in latents, colour, level, and the slopes of these. The loop lies in the stretch between
    attack_s and release_s. If attack_s is 0, the stretch begins after a tenth of the hops; if release_s is None, it
    ends at the last hop. The loop is at least half as long as the stretch. None if the stretch has fewer than
    FEWEST_HOPS hops.
    """
    n_hops, step_s = trajectory.n_hops, trajectory.step_s
    first = int(np.ceil((trajectory.attack_s or 0.1 * (n_hops - 1) * step_s) / step_s - 1e-6))
    end_s = trajectory.duration_s if trajectory.release_s is None else trajectory.release_s
    last = min(n_hops - 1, int(end_s / step_s + 1e-3))
    if last - first + 1 < FEWEST_HOPS:
        return None
    candidates = np.unique(np.linspace(first, last, min(MOST_CANDIDATES, last - first + 1)).astype(int))
    points = _points(trajectory)[candidates]
    squares = np.einsum("ij,ij->i", points, points)
    distance = squares[:, None] + squares - 2.0 * points @ points.T
    too_short = candidates - candidates[:, None] < (last - first + 1) // 2
    start, end = np.unravel_index(np.argmin(np.where(too_short, np.inf, distance)), distance.shape)
    return float(candidates[start] * step_s), float(candidates[end] * step_s)


def _points(trajectory: Trajectory) -> np.ndarray:
    """The values at each hop and their slopes, in units that make them comparable: (n_hops, 2 * n_values)."""
    times = np.arange(trajectory.n_hops) * trajectory.step_s
    level_db = np.interp(times, np.arange(len(trajectory.level_db)) * LEVEL_STEP_S, trajectory.level_db)
    n_bands = trajectory.colour_db.shape[1]
    values = np.concatenate(
        [
            trajectory.latents / _LATENT_UNIT,
            trajectory.colour_db / (_COLOUR_UNIT_DB * np.sqrt(n_bands)),
            level_db[:, None] / _LEVEL_UNIT_DB,
        ],
        axis=1,
    )
    slopes = np.gradient(values, axis=0)
    return np.concatenate([values, np.sqrt(_SLOPE_WEIGHT) * slopes], axis=1)
