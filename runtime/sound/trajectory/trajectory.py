"""A trajectory: a path in time for knobs, colour and level (format: docs/sound.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS
from runtime.base.errors import UserError, did_you_mean
from runtime.config import HIGHEST_LATENT

LEVEL_STEP_S = 0.005
LONGEST_S = 60.0
SHORTEST_STEP_S, LONGEST_STEP_S = 0.005, 10.0
HIGHEST_COLOUR_DB = 60.0
LOWEST_LEVEL_DB, HIGHEST_LEVEL_DB = -96.0, 24.0
LONGEST_KNOB_NAME = 100
# Tolerance for times: marks are stored as float32, and rounding may move a mark beyond the end.
_ROUNDING_S = 1e-4


@dataclass(frozen=True, eq=False, kw_only=True)
class Trajectory:
    """A path in time; `checked` checks that it is valid.

    step_s: time from one hop (a row of `latents` and of `colour_db`) to the next.
    knobs: a name for each column of latents.
    latents: offsets of the knob positions, from -1 to 1. If replaces_knobs, the positions themselves, from 0 to 1.
        float32 (n_hops, n_knobs).
    colour_db: the gain of each band, float32 (n_hops, N_BANDS).
    level_db: one value per LEVEL_STEP_S, float32 (n_levels,).
    attack_s: end of the attack.
    loop_s: beginning and end of the sustain loop. None means no loop if plays_once, else the loop from `find_loop`.
    release_s: beginning of the release; None for no release.

    If the hops end before the levels, the values of the last hop hold to the trajectory's end. If the levels end first,
    the last level holds.
    """

    step_s: float
    knobs: tuple[str, ...]
    latents: np.ndarray
    replaces_knobs: bool = False
    colour_db: np.ndarray
    level_db: np.ndarray
    attack_s: float = 0.0
    loop_s: tuple[float, float] | None = None
    release_s: float | None = None
    plays_once: bool = False

    def __post_init__(self) -> None:
        for name in ("latents", "colour_db", "level_db"):
            values = np.array(getattr(self, name), np.float32)
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @property
    def n_hops(self) -> int:
        return len(self.colour_db)

    @property
    def duration_s(self) -> float:
        """Time from the first hop to the last hop, or to the last value of `level_db` if that is later."""
        return max((self.n_hops - 1) * self.step_s, (len(self.level_db) - 1) * LEVEL_STEP_S)

    def without(self, knobs: Sequence[str]) -> Trajectory:
        """A copy of the trajectory without the latents of these knobs."""
        kept = [column for column, knob in enumerate(self.knobs) if knob not in knobs]
        return replace(self, knobs=tuple(self.knobs[column] for column in kept), latents=self.latents[:, kept])


def fit(trajectory: Trajectory, knob_names: Sequence[str], where: object) -> tuple[int, ...]:
    """For each column of the trajectory's latents, the index of the instrument's knob that the column moves.

    If the instrument lacks one of the knobs: a UserError that begins with `where`.
    """
    for knob in trajectory.knobs:
        if knob not in knob_names:
            expected, remedy = "a knob of the instrument", did_you_mean(knob, knob_names)
            raise UserError(f"{where}, trajectory", f"the knob {knob!r}", expected, remedy)
    return tuple(knob_names.index(knob) for knob in trajectory.knobs)


def checked(trajectory: Trajectory, where: object) -> Trajectory:
    """Return the trajectory unchanged if its sizes, values, names and marks are valid.

    Otherwise, raise a UserError that begins with `where`.
    """
    _refuse_times(trajectory, where)
    _refuse_knobs(trajectory.knobs, where)
    _refuse_shapes(trajectory, where)
    lowest_latent = 0.0 if trajectory.replaces_knobs else -1.0
    _refuse_values(trajectory.latents, lowest_latent, 1.0, f"{where}, latents")
    _refuse_values(trajectory.colour_db, -HIGHEST_COLOUR_DB, HIGHEST_COLOUR_DB, f"{where}, colour_db")
    _refuse_values(trajectory.level_db, LOWEST_LEVEL_DB, HIGHEST_LEVEL_DB, f"{where}, level_db")
    _refuse_marks(trajectory, where)
    return trajectory


def refuse_size(step_s: float, n_hops: int, n_levels: int, where: object) -> None:
    """Refuse a step that is out of range, a trajectory without hops or levels, and one that is too long.

    The UserError begins with `where`.
    """
    if not SHORTEST_STEP_S * 0.999 <= step_s <= LONGEST_STEP_S:
        expected = f"{SHORTEST_STEP_S:g} to {LONGEST_STEP_S:g} s"
        raise UserError(f"{where}, step_s", f"{step_s:g}", expected, "choose another step")
    for name, count in (("hops", n_hops), ("levels", n_levels)):
        if count < 1:
            raise UserError(where, f"no {name}", "at least one", f"add {name}")
    longest_s = max((n_hops - 1) * step_s, (n_levels - 1) * LEVEL_STEP_S)
    if longest_s > LONGEST_S + _ROUNDING_S:
        raise UserError(where, f"{longest_s:.1f} s", f"at most {LONGEST_S:g} s", "shorten the trajectory")


def _refuse_times(trajectory: Trajectory, where: object) -> None:
    n_hops, n_levels = (values.shape[0] if values.ndim else 0 for values in (trajectory.colour_db, trajectory.level_db))
    refuse_size(trajectory.step_s, n_hops, n_levels, where)


def _refuse_knobs(knobs: tuple[str, ...], where: object) -> None:
    if len(knobs) > HIGHEST_LATENT:
        raise UserError(f"{where}, latents", f"{len(knobs)} knobs", f"at most {HIGHEST_LATENT}", "leave some out")
    for knob in knobs:
        if not (0 < len(knob.encode("utf-8", "replace")) <= LONGEST_KNOB_NAME and knob.isprintable()):
            expected = f"a printable name of 1 to {LONGEST_KNOB_NAME} bytes"
            raise UserError(f"{where}, latents", f"the knob {knob[:LONGEST_KNOB_NAME]!a}", expected, "change the name")
        if knobs.count(knob) > 1:
            raise UserError(f"{where}, latents", f"the knob {knob!r} twice", "every knob once", "leave one out")


def _refuse_shapes(trajectory: Trajectory, where: object) -> None:
    n_hops, n_knobs = trajectory.n_hops, len(trajectory.knobs)
    for name, values, shape in (
        ("latents", trajectory.latents, (n_hops, n_knobs)),
        ("colour_db", trajectory.colour_db, (n_hops, N_BANDS)),
        ("level_db", trajectory.level_db, (len(trajectory.level_db),)),
    ):
        if values.shape != shape:
            found, expected = (" by ".join(map(str, size)) for size in (values.shape, shape))
            raise UserError(f"{where}, {name}", f"{found} values", f"{expected} (hops first)", "correct the sizes")


def _refuse_values(values: np.ndarray, lowest: float, highest: float, where: object) -> None:
    # A NaN fails both comparisons, so it is among the bad values.
    bad = values[~((values >= lowest) & (values <= highest))]
    if bad.size:
        raise UserError(where, f"{bad.flat[0]:g}", f"numbers from {lowest:g} to {highest:g}", "change that value")


def _refuse_marks(trajectory: Trajectory, where: object) -> None:
    if trajectory.plays_once and trajectory.loop_s is not None:
        raise UserError(where, "a loop and plays_once", "only one of them", "leave one out")
    marks = [("the beginning", 0.0), ("attack_s", trajectory.attack_s)]
    if trajectory.loop_s is not None:
        start_s, end_s = trajectory.loop_s
        if not end_s > start_s:
            found = f"a loop from {start_s:g} to {end_s:g} s"
            raise UserError(f"{where}, loop_s", found, "an end after the start", "correct the marks")
        marks += [("the start of the loop", start_s), ("the end of the loop", end_s)]
    if trajectory.release_s is not None:
        marks.append(("release_s", trajectory.release_s))
    marks.append(("the end", trajectory.duration_s))
    for (earlier, first_s), (later, second_s) in pairwise(marks):
        if not (math.isfinite(second_s) and first_s <= second_s + _ROUNDING_S):
            found = f"{earlier} at {first_s:g} s and {later} at {second_s:g} s"
            raise UserError(f"{where}, marks", found, "times in this order", "correct the marks")
