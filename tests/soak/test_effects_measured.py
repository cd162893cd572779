"""The program tests/soak/effects.py detects a room that does not keep the promises of docs/effects.md."""

from __future__ import annotations

import numpy as np

from runtime.config import ReverbConfig
from tests.soak.effects import FLATNESS_OF_NOISE, densities, faults


def test_faults_are_told_from_what_is_promised() -> None:
    good, bad = (ReverbConfig(), (0.95, 1.0, 1.09)), (ReverbConfig(size_m=7.0), (0.95, 1.12, 1.0))
    assert not faults([good], {22.0: [0.5, FLATNESS_OF_NOISE]}, 20.0)
    decay, flatness, peak = faults([good, bad], {22.0: [0.5, 0.2]}, np.inf)
    assert "7.0" in decay
    assert "1.12" in decay
    assert "22.0 m: 0.20" in flatness
    assert "inf" in peak
    assert faults([], {}, np.nan)


def test_densities_begin_below_1_and_reach_it() -> None:
    for times_ms, density in densities().values():
        assert density[0] < 0.8
        assert abs(density[times_ms > 150.0].mean() - 1.0) < 0.05
