"""At each peak, the phase of a side is a quarter of a cycle from the phase of its lane."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.engine.synthesis.phases.coherent import CoherentPhases
from tests.runtime.engine.synthesis.test_coherent import harmonic, phases

LANE, SIDE = slice(0, 1), slice(1, 2)


def spectrum(note: float, n_bins: int, loudest: int) -> np.ndarray:
    """A note's spectrum, float32 (1, n_bins), silent from bin `loudest` on."""
    magnitudes = harmonic(note)[None, :n_bins].astype(np.float32)
    magnitudes[:, loudest:] = 0.0
    return magnitudes


def assert_quarters(made: CoherentPhases, hop: int, where: slice) -> None:
    """Assert that the side is a quarter of a cycle from its lane, at each peak in the bins `where`."""
    lane, side = made.spectra(LANE, hop)[0].copy(), made.spectra(SIDE, hop)[0].copy()
    level = np.abs(lane)
    is_peak = (level[1:-1] > np.maximum(level[:-2], level[2:])) & (level[1:-1] > 0.01 * level.max())
    peaks = np.intersect1d(np.flatnonzero(is_peak) + 1, np.arange(where.start, where.stop))
    assert len(peaks) > 2
    turns = side[peaks] / lane[peaks]
    assert np.abs(turns) == pytest.approx(np.ones(len(turns)), abs=0.05)
    assert np.abs(turns.real).max() < 0.05


@pytest.mark.parametrize("cents", [0.0, 4.0])
def test_a_side_keeps_its_distance(cents: float) -> None:
    """The side stays a quarter of a cycle from its lane, also when a brighter spectrum brings new sinusoids."""
    made = phases(2)
    n_bins = made.spectra(slice(0, 0), 0).shape[1]
    made.walk.bandwidth_cents[:] = [cents, cents]
    made.start(0, 5)
    made.plan(LANE, 10, spectrum(60, n_bins, 80))
    made.start_sides(1, slice(0, 1))
    assert_quarters(made, 10, slice(0, 80))
    assert_quarters(made, 13, slice(0, 80))
    for lanes in (LANE, SIDE):
        made.plan(lanes, 15, spectrum(60, n_bins, 400))
    assert_quarters(made, 15, slice(0, 400))
    assert_quarters(made, 18, slice(100, 400))
