"""Finds how close together the points must be where a note begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from runtime.sound.sound import Sound

# A gain changes linearly from point to point. If it changes by this much from one point to the next, it is never more
# than 0.13 dB above a gain that changes linearly in dB.
_MOST_DB = 3.0
# About a hop. If the points in a part of a note may be this far apart, this part needs no extra points: each hop has a
# point anyway.
FARTHEST = 1024
# The least distances between two points, in frames. NEAREST_SINGLY is for voices that are made one by one, because
# these voices cost more. NEAREST is for all other voices.
NEAREST, NEAREST_SINGLY = 128, 256
# For each part of a note's beginning: the part's end, in frames after the note's start, and the distances that its
# points may have, in frames.
_PARTS = ((1024, (NEAREST, 256, 512, FARTHEST)), (4096, (256, 512, FARTHEST)))
_GRID_FRAMES = 64
# About how many dB a gain changes if a target moves by its unit; a latent's unit is its whole travel.
_DB_OF_LATENT = 40.0
_DB_OF_UNIT = {"filter.resonance": 1.0, "tilt": 4.0, "bandwidth": 0.1, "phase_blend": 10.0, "width": 6.0}

# Two numbers for each part of a note's beginning. The first is the part's end, in frames after the note's start. The
# second is the distance between two points in this part, in frames; it is 0 if the part's only points are its hops.
OpeningPoints = tuple[tuple[int, int], ...]
# Every sound with a trajectory has these opening points: a trajectory may change gains by any amount from row to row.
TRAJECTORY_POINTS: OpeningPoints = ((4096, 256),)


def opening_points(
    sound: Sound, added: Callable[[np.ndarray], Iterable[tuple[str, np.ndarray]]], nearest: int
) -> OpeningPoints:
    """The extra points, besides the hops, with which a note of this sound begins; empty if its spectrum changes slowly.

    added: takes an array of frames, counted from the note's start. For each route from an envelope to a target, it
        returns a pair: the target's name, and the most that the route adds at each frame, in the target's unit.
    nearest: the least distance between two points, in frames.
    """
    frames = np.arange(0, _PARTS[-1][0] + FARTHEST + 1, _GRID_FRAMES, dtype=np.float64)
    levels_db = [_db_of_unit(target, sound) * values for target, values in added(frames)]
    points, begin = [], 0
    for end, distances in _PARTS:
        part = slice(begin // _GRID_FRAMES, end // _GRID_FRAMES)
        fitting = [distance for distance in distances if _largest_step(levels_db, part, distance) <= _MOST_DB]
        distance = max(nearest, max(fitting, default=distances[0]))
        points.append((end, 0 if distance == FARTHEST else distance))
        begin = end
    return tuple(points) if any(distance for _, distance in points) else ()


def _largest_step(levels_db: list[np.ndarray], part: slice, distance: int) -> float:
    """The largest change from one frame to the frame `distance` later, in dB.

    A change is the sum of the absolute changes of all routes.

    levels_db: for each route, how many dB it adds at every _GRID_FRAMES-th frame.
    part: the indices in `levels_db` at which the earlier frame may lie.
    """
    step = distance // _GRID_FRAMES
    changes = [np.abs(one[part.start + step : part.stop + step] - one[part]) for one in levels_db]
    return float(np.max(np.sum(changes, axis=0))) if changes else 0.0


def _db_of_unit(target: str, sound: Sound) -> float:
    if target == "filter.cutoff":
        return sound.filter.slope_db_per_octave + sound.filter.resonance_db
    return _DB_OF_UNIT.get(target, _DB_OF_LATENT)
