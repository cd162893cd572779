"""Velocity curves, which change a keyboard's velocities."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

Velocity = Annotated[int, msgspec.Meta(ge=1, le=127)]
# A curve is the name of a shape, or one velocity that every note gets, or points (played, heard) that straight lines
# join.
VelocityCurve = Literal["linear", "soft", "hard"] | Velocity | tuple[tuple[Velocity, Velocity], ...]
_EXPONENTS = {"linear": 1.0, "soft": 0.6, "hard": 1.7}  # a named curve is a power of the played velocity


def velocity_table(curve: VelocityCurve) -> bytes | None:
    """A table of 128 bytes with the heard velocity for each played velocity; None if the curve changes nothing.

    Velocity 0 stays 0. `soft`: soft playing is already loud. `hard`: only hard playing is loud. If the curve consists
    of points, the heard velocity is constant below the first point and above the last one.
    """
    if curve == "linear":
        return None
    if isinstance(curve, int):
        heard = [float(curve)] * 127
    elif isinstance(curve, str):
        heard = [127.0 * (played / 127.0) ** _EXPONENTS[curve] for played in range(1, 128)]
    else:
        heard = [_between(curve, played) for played in range(1, 128)]
    return bytes([0, *(min(127, max(1, round(velocity))) for velocity in heard)])


def _between(points: Sequence[tuple[int, int]], played: int) -> float:
    if played <= points[0][0]:
        return float(points[0][1])
    for (x, y), (next_x, next_y) in itertools.pairwise(points):
        if played <= next_x:
            return y + (next_y - y) * (played - x) / (next_x - x)
    return float(points[-1][1])
