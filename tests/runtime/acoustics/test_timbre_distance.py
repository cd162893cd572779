"""The distance between timbres, in dB, does not depend on loudness."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.acoustics.timbre_distance import FLOOR_DB, N_BANDS, band_levels_db, distance_db

SPEC = StftSpec()


def noise(n: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((n, SPEC.n_bins)).astype(np.float32) + 0.1


def test_loudness_does_not_count():
    levels = band_levels_db(noise(), SPEC)
    assert levels.shape == (3, N_BANDS)
    assert levels.max() == 0.0
    assert distance_db(levels, band_levels_db(7.0 * noise(), SPEC)) < 1e-4


def test_half_the_bands_12_db_softer_are_12_db_times_the_root_of_a_half_apart():
    quieter = noise()
    levels = band_levels_db(quieter, SPEC)
    edge = np.flatnonzero(band_levels_db(np.eye(SPEC.n_bins, dtype=np.float32), SPEC).argmax(axis=1) >= 32)[0]
    quieter[:, :edge] *= 10.0 ** (-12.0 / 20.0)
    assert distance_db(band_levels_db(quieter, SPEC), levels) == pytest.approx(12.0 * 0.5**0.5, abs=0.6)


def test_silence_lies_on_the_floor():
    assert (band_levels_db(np.zeros((1, SPEC.n_bins), np.float32), SPEC) <= 0.0).all()
    one_bin = np.zeros((1, SPEC.n_bins), np.float32)
    one_bin[0, 100] = 1.0
    assert band_levels_db(one_bin, SPEC).min() == FLOOR_DB
