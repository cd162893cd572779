"""Velocity curves: what each keyboard's velocities become before they are played."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

Velocity = Annotated[int, msgspec.Meta(ge=1, le=127)]
# A name; one velocity for every key; or points, (played, heard), with straight lines between.
VelocityCurve = Literal["linear", "soft", "hard"] | Velocity | tuple[tuple[Velocity, Velocity], ...]
_EXPONENTS = {"linear": 1.0, "soft": 0.6, "hard": 1.7}  # of the names above


def velocity_table(curve: VelocityCurve) -> bytes | None:
    """For each velocity from 0 to 127 the velocity that is heard; 0 stays 0; None: every velocity stays as it is.

    `soft`: soft playing is already loud; `hard`: only hard playing is loud. Points that begin or end inside the range
    are continued at the same height.
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
