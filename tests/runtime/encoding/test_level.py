"""The measured level follows a known curve, and its attack and release are found."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.encoding.level import level_curve_db, marks_of
from runtime.sound.trajectory.trajectory import LEVEL_STEP_S

RATE_HZ = 44100


def sine(level_db: np.ndarray, frequency_hz: float) -> np.ndarray:
    """A sine. level_db: its level, one value every LEVEL_STEP_S seconds."""
    n = round((len(level_db) - 1) * LEVEL_STEP_S * RATE_HZ)
    at = np.interp(np.arange(n) / RATE_HZ, np.arange(len(level_db)) * LEVEL_STEP_S, level_db)
    return 2.0**0.5 * 10.0 ** (at / 20.0) * np.sin(2.0 * np.pi * frequency_hz * np.arange(n) / RATE_HZ)


@pytest.mark.parametrize("frequency_hz", [55.0, 220.0, 1760.0])
def test_the_level_follows_a_known_curve(frequency_hz: float) -> None:
    asked = np.interp(np.arange(400), [0, 30, 200, 399], [-40.0, -6.0, -12.0, -30.0])
    found = level_curve_db(sine(asked, frequency_hz), RATE_HZ, frequency_hz)
    assert np.abs(found[10:-10] - asked[10 : len(found) - 10]).max() < 1.0


def test_a_sharp_attack_stays_sharp() -> None:
    sound = np.concatenate([np.zeros(4410), sine(np.zeros(200), 440.0)])
    found = level_curve_db(sound, RATE_HZ, 440.0, before=4410)
    assert found[0] > -5.0
    assert found[1] == pytest.approx(0.0, abs=0.5)


def test_a_held_sound_has_attack_and_release() -> None:
    marks = marks_of(np.interp(np.arange(500), [0, 20, 100, 400, 440], [-50.0, -6.0, 0.0, 0.0, -50.0]))
    assert marks.attack_s == pytest.approx(0.3, abs=0.1)
    assert marks.release_s == pytest.approx(2.0, abs=0.05)
    assert not marks.dies_away


def test_a_struck_sound_dies_away() -> None:
    marks = marks_of(np.linspace(0.0, -50.0, 500))
    assert (marks.attack_s, marks.release_s, marks.dies_away) == (0.0, None, True)


def test_a_sound_that_is_cut_off_has_no_release() -> None:
    marks = marks_of(np.zeros(300))
    assert (marks.release_s, marks.dies_away) == (None, False)
