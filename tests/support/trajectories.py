"""Trajectories for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS
from runtime.sound.trajectory.trajectory import Trajectory, checked

STEP_S = 1024 / 44100


def random_trajectory(
    seed: int = 0, *, n_hops: int = 87, knobs: tuple[str, ...] = ("a", "b"), **fields: Any
) -> Trajectory:
    """A trajectory of random values, (n_hops - 1) * 23 ms long."""
    random = np.random.default_rng(seed)
    n_levels = round((n_hops - 1) * STEP_S / 0.005) + 1
    return checked(
        Trajectory(
            step_s=STEP_S,
            knobs=knobs,
            latents=random.uniform(-0.3, 0.3, (n_hops, len(knobs))),
            colour_db=random.normal(0.0, 3.0, (n_hops, N_BANDS)),
            level_db=random.uniform(-30.0, 0.0, n_levels),
            **fields,
        ),
        "test",
    )


def ramp(duration_s: float = 2.0, step_s: float = 0.01, **fields: Any) -> Trajectory:
    """A trajectory of one knob, `a`: at t s the knob's offset is t / 10, and the level and each gain are -t / 10 dB."""
    n_hops, n_levels = round(duration_s / step_s) + 1, round(duration_s / 0.005) + 1
    times = np.arange(n_hops) * step_s / 10.0
    return checked(
        Trajectory(
            step_s=step_s,
            knobs=("a",),
            latents=times[:, None],
            colour_db=np.repeat(-times[:, None], N_BANDS, 1),
            level_db=-np.arange(n_levels) * 0.005 / 10.0,
            **fields,
        ),
        "test",
    )
