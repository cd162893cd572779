"""The power that is expected of a spectrum is the power with which it sounds."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.sounding.expected_power import blended_power, coherent_power, noise_power
from runtime.engine.synthesis.lane_sound import LaneSound

SPEC = StftSpec()
FIRST_BIN = 100  # near 1 kHz, where the loudness depends on the frequency only a little
N_HOPS = 256  # as many as there are stored noise spectra


def bins(*magnitudes: float) -> np.ndarray:
    """A spectrum that is silent but for some bins from FIRST_BIN on."""
    spectrum = np.zeros(SPEC.n_bins, np.float32)
    spectrum[FIRST_BIN : FIRST_BIN + len(magnitudes)] = magnitudes
    return spectrum


SPECTRA = {
    "a lobe": bins(0.5, 1.0, 0.5),
    "a lobe between two bins": bins(0.17, 0.85, 0.85, 0.17),
    "one bin": bins(1.0),
    "a narrow lobe": bins(0.2, 1.0, 0.3),
    "two lobes that beat": bins(0.04, 1.0, 0.2, 0.54),  # as a marimba has them at note 87
    "a lobe, and a tenth as loud a bin": bins(0.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.1),
    "noise": bins(*np.random.default_rng(0).uniform(0.5, 1.0, 40)),
}


def heard_db(magnitudes: np.ndarray, blend: float) -> float:
    """The level in dB at which a spectrum sounds. The engine sets the spectrum's gain as for noise phases."""
    sound = LaneSound(SPEC, SPEC.sample_rate_hz, (0,), 0)
    sound.set_spectra([0], magnitudes[None], [0.0])
    sound.open(slice(0, 1), 0, blend)
    power = []
    for number in range(N_HOPS):
        at = number * SPEC.hop_size
        if number:
            sound.hop([0], at, 1, np.zeros(1, np.float32))
        power.append(np.square(sound.read_lane(0, at, SPEC.hop_size)).mean())
    return 10.0 * float(np.log10(np.mean(power)))


def expected_db(magnitudes: np.ndarray, blend: float) -> float:
    each = noise_power(magnitudes[None]), np.square(magnitudes), coherent_power(magnitudes[None], SPEC)
    noise, squares, coherent = (power.sum() for power in each)
    return 10.0 * float(np.log10(blended_power(noise, squares, coherent, blend) / noise))


def difference_db(name: str, blend: float) -> float:
    """How many dB louder a spectrum sounds than is expected, minus the same difference for a lobe."""
    lobe, one = SPECTRA["a lobe"], SPECTRA[name]
    heard = heard_db(one, blend) - heard_db(lobe, blend)
    return heard - (expected_db(one, blend) - expected_db(lobe, blend))


@pytest.mark.parametrize("name", [name for name in SPECTRA if name != "noise"])
def test_with_coherent_phases_sinusoids_sound_with_the_power_that_is_expected(name: str) -> None:
    assert difference_db(name, 1.0) == pytest.approx(0.0, abs=0.15)


@pytest.mark.parametrize("blend", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", SPECTRA)
def test_any_spectrum_sounds_with_about_the_power_that_is_expected(name: str, blend: float) -> None:
    # The stored noise is short: a spectrum of a single bin may be louder or softer than it would be in the long run.
    assert difference_db(name, blend) == pytest.approx(0.0, abs=1.0)


def test_with_coherent_phases_a_lobe_keeps_its_power_and_a_single_bin_loses_some() -> None:
    lost_db = {name: expected_db(SPECTRA[name], 1.0) for name in ("a lobe", "a lobe between two bins", "one bin")}
    assert lost_db["a lobe"] == pytest.approx(0.0, abs=0.01)
    assert lost_db["a lobe between two bins"] == pytest.approx(0.0, abs=0.05)
    assert lost_db["one bin"] == pytest.approx(-1.76, abs=0.01)


def test_silence_has_no_power() -> None:
    silent = np.zeros((2, SPEC.n_bins), np.float32)
    assert not coherent_power(silent, SPEC).any()
    assert blended_power(*np.zeros((3, 1)), 1.0) == 0.0


def test_each_spectrum_has_its_power_in_any_company() -> None:
    together = np.stack(list(SPECTRA.values()))
    for row, alone in zip(coherent_power(together, SPEC), together, strict=True):
        np.testing.assert_allclose(row, coherent_power(alone[None], SPEC)[0], rtol=1e-5)
