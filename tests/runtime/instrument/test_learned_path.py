"""A path between two sounds stays near learnt sounds."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.instrument.learned_path import learned_path


def ring(n_points: int = 60) -> np.ndarray:
    """Places on a half circle: the straight path between its ends leads through a gap."""
    angle = np.linspace(0.0, np.pi, n_points)
    return np.stack((0.5 - 0.5 * np.cos(angle), np.sin(angle)), axis=1)


def test_a_path_goes_around_a_hole() -> None:
    path = learned_path((0.0, 0.0), (1.0, 0.0), ring())
    away = np.linalg.norm(path[:, None] - ring()[None], axis=2).min(axis=1)
    assert away.max() < 0.05
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.5


def test_a_path_begins_and_ends_at_its_sounds() -> None:
    path = learned_path((0.1, 0.9), (0.8, 0.2), np.random.default_rng(1).uniform(size=(100, 2)))
    np.testing.assert_array_equal(path[[0, -1]], [(0.1, 0.9), (0.8, 0.2)])


@pytest.mark.parametrize("learned", [np.zeros((0, 2)), np.array([[50.0, 50.0]])], ids=["none", "far away"])
def test_a_path_is_straight_if_nothing_was_learnt_nearby(learned: np.ndarray) -> None:
    np.testing.assert_array_equal(learned_path((0.0, 0.0), (1.0, 1.0), learned), [(0.0, 0.0), (1.0, 1.0)])


def test_the_same_place_twice_is_a_path() -> None:
    assert len(learned_path((0.5, 0.5), (0.5, 0.5), ring())) >= 2
