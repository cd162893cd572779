"""The equaliser has the gains of its settings at any sample rate."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import EqualiserConfig
from runtime.effects.equaliser import Equaliser, sections_of
from tests.support.effects import noise, silence


def _gains_db(settings: EqualiserConfig, frequencies_hz: list[float], rate_hz: int) -> np.ndarray:
    click = silence(rate_hz // 4)
    click[0] = 1.0
    Equaliser(rate_hz, settings).filter(0, click)
    assert (click[:, 0] == click[:, 1]).all()
    times = np.arange(len(click)) / rate_hz
    return np.array([20.0 * np.log10(abs(click[:, 0] @ np.exp(-2j * np.pi * hz * times))) for hz in frequencies_hz])


@pytest.mark.parametrize("rate_hz", [44100, 192000])
@pytest.mark.parametrize("gain_db", [-12.0, -3.0, 12.0])
def test_each_gain_is_met_in_its_range_and_0_elsewhere(gain_db: float, rate_hz: int) -> None:
    assert _gains_db(EqualiserConfig(low_db=gain_db), [20.0, 120.0, 4000.0], rate_hz) == pytest.approx(
        [gain_db, gain_db / 2.0, 0.0], abs=0.5
    )
    assert _gains_db(EqualiserConfig(mid_db=gain_db), [20.0, 1000.0, 18000.0], rate_hz) == pytest.approx(
        [0.0, gain_db, 0.0], abs=0.3
    )
    assert _gains_db(EqualiserConfig(high_db=gain_db), [200.0, 6000.0, 20000.0], rate_hz) == pytest.approx(
        [0.0, gain_db / 2.0, gain_db], abs=0.7
    )


def test_it_is_the_recursion_of_its_sections() -> None:
    settings = EqualiserConfig(low_db=9.0, low_hz=40.0, mid_db=-12.0, mid_hz=300.0, high_db=5.0)
    sound = noise(3000)
    expected = sound.astype(np.float64)
    for b0, b1, b2, a0, a1, a2 in sections_of(settings, 192000):
        filtered = np.zeros((len(expected) + 2, 2))
        padded = np.concatenate((np.zeros((2, 2)), expected))
        for n in range(2, len(padded)):
            fed = b0 * padded[n] + b1 * padded[n - 1] + b2 * padded[n - 2]
            filtered[n] = (fed - a1 * filtered[n - 1] - a2 * filtered[n - 2]) / a0
        expected = filtered[2:]
    Equaliser(192000, settings).filter(0, sound)
    assert np.allclose(sound, expected, atol=1e-6)


def test_at_0_db_it_does_nothing() -> None:
    equaliser, sound = Equaliser(44100, EqualiserConfig()), noise(1000)
    before = sound.copy()
    equaliser.filter(0, sound)
    assert (sound == before).all()
    assert equaliser.n_cells_computed == 0


def test_a_low_rate_keeps_its_filters_below_half_of_it() -> None:
    settings = EqualiserConfig(low_db=6.0, mid_db=6.0, mid_hz=6000.0, high_db=-12.0, high_hz=12000.0)
    sound = noise(8000)
    Equaliser(8000, settings).filter(0, sound)
    assert np.abs(sound).max() < 3.0
