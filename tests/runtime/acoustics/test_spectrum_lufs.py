"""The loudness of a spectrum is as ITU-R BS.1770 defines it."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.loudness import k_weighting, spectrum_lufs
from runtime.acoustics.spectrum import periodic_hann


@pytest.mark.parametrize("n_samples", [4800, 48000])
def test_a_full_scale_sine_in_both_channels_is_0_lufs(n_samples: int) -> None:
    sine = np.sin(2.0 * np.pi * 1000.0 * np.arange(n_samples) / 48000.0)
    power = np.square(np.abs(np.fft.rfft(sine * periodic_hann(n_samples))))
    weights = k_weighting(np.arange(len(power)) * 48000.0 / n_samples)
    assert spectrum_lufs(power, weights, n_samples) == pytest.approx(0.0, abs=0.05)
    assert spectrum_lufs(0.01 * power, weights, n_samples) == pytest.approx(-20.0, abs=0.05)
    assert np.isfinite(spectrum_lufs(0.0 * power, weights, n_samples))
