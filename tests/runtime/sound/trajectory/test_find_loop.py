"""`find_loop` finds a part of a trajectory that can be repeated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.acoustics.mel_bands import N_BANDS
from runtime.sound.trajectory.loop import FEWEST_HOPS, find_loop
from runtime.sound.trajectory.trajectory import Trajectory
from tests.support.trajectories import random_trajectory

STEP_S = 0.02


def wave(period_s: float, n_hops: int = 150) -> Trajectory:
    """A trajectory whose knob and colour follow a sine after an attack of 0.2 s."""
    times = np.arange(n_hops) * STEP_S
    sine = np.sin(2.0 * np.pi * times / period_s) * (times > 0.2)
    return Trajectory(
        step_s=STEP_S,
        knobs=("a",),
        latents=0.3 * sine[:, None],
        colour_db=6.0 * sine[:, None] * np.linspace(-1.0, 1.0, N_BANDS),
        level_db=np.zeros(1),
        attack_s=0.2,
    )


@pytest.mark.parametrize("period_s", [0.4, 0.5, 0.74])
def test_a_loop_holds_whole_periods(period_s: float) -> None:
    start_s, end_s = find_loop(wave(period_s))
    n_periods = (end_s - start_s) / period_s
    assert n_periods >= 1.0
    assert n_periods == pytest.approx(round(n_periods), abs=0.03)


def test_a_loop_lies_between_attack_and_release() -> None:
    start_s, end_s = find_loop(random_trajectory(attack_s=0.6, release_s=1.4))
    assert 0.6 <= start_s < end_s <= 1.4
    assert end_s - start_s >= 0.35
    assert find_loop(random_trajectory())[0] >= 0.19


def test_a_fade_to_silence_is_no_good_end() -> None:
    level_db = np.concatenate([np.zeros(400), np.linspace(0.0, -90.0, 197)])
    _, end_s = find_loop(replace(wave(0.5), level_db=level_db))
    assert end_s <= 2.05


def test_too_few_hops_have_no_loop() -> None:
    assert find_loop(random_trajectory(n_hops=FEWEST_HOPS - 1)) is None
    assert find_loop(random_trajectory(n_hops=40, attack_s=0.9)) is None


def test_the_longest_trajectory_has_a_loop_on_its_hops() -> None:
    start_s, end_s = find_loop(random_trajectory(n_hops=2584))
    assert 6.0 < start_s < end_s <= 60.0
    assert (end_s / (1024 / 44100)) == pytest.approx(round(end_s / (1024 / 44100)))
