"""Spectra are laid out for noise phases before those read them, however the spectra came."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.lane_spectra import LaneSpectra

N_BINS = 64
LANES = slice(1, 4)


def random_magnitudes(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((3, N_BINS), np.float32)


def bring(spectra: LaneSpectra, how: str) -> None:
    lanes = [1, 2, 3]
    if how == "set":
        spectra.set(lanes, random_magnitudes(1), [0.0] * 3)
    else:
        spectra.prepare(lanes, random_magnitudes(1), [0.0] * 3)
        spectra.take_prepared(lanes)
    if how == "copied":
        spectra.copy(1, 3)


@pytest.mark.parametrize("how", ["set", "prepared", "copied"])
def test_pairs_that_are_read_are_those_of_the_present_spectra(how: str) -> None:
    spectra = LaneSpectra(4, StftSpec(), 44100, N_BINS)
    spectra.set([1, 2, 3], random_magnitudes(0), [0.0] * 3)
    spectra.pairs(LANES, are_read=True)
    bring(spectra, how)
    assert spectra.pairs(LANES, are_read=False).shape == (3, 3, 2 * N_BINS)
    own = spectra.pairs(LANES, are_read=True)[:, 1]
    assert spectra.magnitudes[LANES].min(axis=1).max() > 0.0
    np.testing.assert_array_equal(own[:, 0::2], spectra.magnitudes[LANES])
    np.testing.assert_array_equal(own[:, 1::2], spectra.magnitudes[LANES])
