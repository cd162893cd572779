"""Each bin gets the gain of its harmonic."""

from __future__ import annotations

import numpy as np

from runtime.engine.synthesis.shaping.formants import formant_gains
from runtime.engine.synthesis.shaping.harmonics import Harmonics
from runtime.engine.synthesis.shaping.shaper import Shape, Shaper

BIN_HZ, N_BINS = 10.0, 800
FUNDAMENTALS_HZ = (100.0, 1000.0)


def test_a_bin_belongs_to_the_nearest_harmonic() -> None:
    harmonics = Harmonics(FUNDAMENTALS_HZ, N_BINS, BIN_HZ)
    assert harmonics.numbers[0, [0, 4, 6, 10, 14, 16, 31]].tolist() == [0, 0, 1, 1, 1, 2, 3]
    assert harmonics.are_even[0, [0, 10, 20, 30, 40]].tolist() == [False, False, True, False, True]


def test_a_tilt_leaves_what_is_below_the_fundamental_below_it() -> None:
    shaper = Shaper(FUNDAMENTALS_HZ, N_BINS, BIN_HZ, 4)
    column = np.zeros((1, 1))
    shape = Shape("low", 24, np.full((1, 1), 4.0), column, np.full((1, 1), -12.0), 0.0, 0.0, column)
    gains = shaper.gains(shape, [1])[0]
    assert np.all(gains[:50] == gains[100])
    assert gains[200] < 0.1 * gains[100]


def test_formants_do_not_depend_on_where_in_a_bin_a_harmonic_lies() -> None:
    numbers = Harmonics((100.0,), N_BINS, BIN_HZ).numbers[0]
    lobes = np.zeros(N_BINS, np.float32)
    for number in range(1, 60):
        # An odd harmonic lies on a bin and has three magnitudes. An even harmonic lies between two bins and has four
        # magnitudes. The power of an odd harmonic and of an even harmonic is the same.
        if number % 2:
            lobes[10 * number - 1 : 10 * number + 2] = (0.5, 1.0, 0.5)
        else:
            lobes[10 * number - 1 : 10 * number + 3] = (0.17, 0.849, 0.849, 0.17)
    gains = np.zeros(N_BINS, np.float32)
    formant_gains(lobes, numbers, 5.0, gains)
    assert np.abs(20.0 * np.log10(gains[10:590])).max() < 0.1
