"""A colour curve gives gains in dB for 40 mel bands."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS, band_centres_hz, band_weights, mel


def test_the_centres_are_equally_far_apart_in_mel() -> None:
    centres = band_centres_hz()
    assert centres.shape == (N_BANDS,)
    assert np.allclose(centres[[0, -1]], [30.0, 18000.0])
    assert np.ptp(np.diff(mel(centres))) < 1e-9


def test_a_curve_passes_through_its_bands_and_is_straight_in_between() -> None:
    colour_db = np.linspace(-10.0, 10.0, N_BANDS) ** 2
    assert np.allclose(colour_db @ band_weights(band_centres_hz()), colour_db, atol=1e-4)
    between = 700.0 * (10.0 ** ((mel(band_centres_hz())[:-1] + mel(band_centres_hz())[1:]) / 2.0 / 2595.0) - 1.0)
    assert np.allclose(colour_db @ band_weights(between), (colour_db[:-1] + colour_db[1:]) / 2.0, atol=1e-4)
    outside = band_weights(np.array([0.0, 24000.0]))
    assert np.allclose(colour_db @ outside, colour_db[[0, -1]], atol=1e-4)


def test_the_weights_of_every_bin_add_up_to_1() -> None:
    assert np.allclose(band_weights(np.arange(2049) * 44100.0 / 4096).sum(axis=0), 1.0, atol=1e-6)
