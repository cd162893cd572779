"""Taps on a button give a tempo."""

from __future__ import annotations

import pytest

from runtime.events import Tempo
from runtime.rack.tap_tempo import TapTempo

RATE = 48000


def tempos(*times_s: float) -> list[float | None]:
    """The tempo after each tap, in beats a minute; None for no tempo."""
    taps = TapTempo(RATE)
    given = [taps.tap(round(time_s * RATE)) for time_s in times_s]
    return [tempo.bpm if isinstance(tempo, Tempo) else None for tempo in given]


def test_the_second_tap_gives_a_tempo() -> None:
    assert tempos(1.0, 1.5, 2.0) == [None, 120.0, 120.0]


def test_one_clumsy_tap_does_not_matter() -> None:
    assert tempos(0.0, 0.5, 1.0, 1.7, 2.0, 2.5)[-1] == pytest.approx(120.0)


def test_after_two_seconds_taps_begin_anew() -> None:
    assert tempos(0.0, 0.5, 2.6, 3.6) == [None, 120.0, None, 60.0]
    assert tempos(0.0, 2.0) == [None, 30.0]


def test_a_tempo_that_changes_is_followed() -> None:
    assert tempos(0.0, 0.5, 1.0, 1.5, 2.0, 2.4, 2.8, 3.2)[-1] == pytest.approx(150.0)


def test_a_switch_that_bounces_counts_once() -> None:
    assert tempos(0.0, 0.01, 0.5, 0.52, 1.0) == [None, None, 120.0, None, 120.0]


def test_the_tempo_stays_in_its_range() -> None:
    assert tempos(0.0, 0.12) == [None, 300.0]
