"""Bandwidth widens every harmonic by the same interval, and keeps the loudness."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.hops import HopSynthesis
from runtime.engine.synthesis.phases.coherent import CoherentPhases
from runtime.engine.synthesis.shaping.bandwidth import Widening
from tests.soak.loudness import loudness_lufs
from tests.support.line_width import harmonic, lane_sounds, line_width_hz, mean_spectrum, wanted_width_hz

SPEC = StftSpec()
RATE_HZ = SPEC.sample_rate_hz
NOISE, COHERENT = 0.0, 1.0


@pytest.mark.parametrize(("blend", "sample_rate_hz"), [(COHERENT, 44100), (COHERENT, 48000), (NOISE, 44100)])
@pytest.mark.parametrize(("note", "cents"), [(36, 80.0), (48, 20.0), (60, 10.0), (84, 20.0)])
def test_each_harmonic_has_its_bandwidth(note: int, cents: float, blend: float, sample_rate_hz: int) -> None:
    """Widths from 10 Hz to half the distance between harmonics are tested.

    A single measured width depends on chance. So the test checks the mean and the spread of all harmonics' ratios of
    the measured width to the wanted width.
    """
    sounds = lane_sounds(harmonic(note)[0], sample_rate_hz, 2.5, [cents], blend)
    fundamental_hz = harmonic(note)[1]
    frequencies, power = mean_spectrum(sounds, sample_rate_hz, 1.0)
    ratios = []
    for number in range(1, int(min(60, 15000.0 / fundamental_hz)) + 1):
        wanted_hz = wanted_width_hz(number * fundamental_hz, cents, blend)
        if wanted_width_hz(number * fundamental_hz, cents, COHERENT) >= 10.0 and wanted_hz <= 0.5 * fundamental_hz:
            width_hz = line_width_hz(frequencies, power, number * fundamental_hz, wanted_hz, fundamental_hz)
            ratios.append(width_hz / wanted_hz)
    assert len(ratios) >= 3
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.08)
    assert np.std(ratios) < 0.15


def test_a_small_bandwidth_grows_without_a_jump() -> None:
    """The larger the bandwidth, the less of the 4th harmonic's power lies within 1.5 Hz of the harmonic."""
    magnitudes, fundamental_hz = harmonic(60, 8)
    in_tune = []
    for cents in (0.0, 0.1, 0.3, 1.0, 3.0, 10.0):
        frequencies, power = mean_spectrum(lane_sounds(magnitudes, RATE_HZ, 2.5, [cents], COHERENT), RATE_HZ, 0.5)
        near = np.abs(frequencies - 4.0 * fundamental_hz)
        in_tune.append(power[near < 1.5].sum() / power[near < 0.5 * fundamental_hz].sum())
    assert in_tune[0] > 0.98
    assert 0.0 < in_tune[0] - in_tune[1] < 0.2
    assert (np.diff(in_tune) < 0.0).all()
    assert in_tune[-1] < 0.4


@pytest.mark.parametrize("blend", [NOISE, 0.5, COHERENT])
def test_loudness_stays(blend: float) -> None:
    magnitudes, _ = harmonic(48)
    loudness = []
    for cents in (0.0, 1.0, 5.0, 20.0, 80.0):
        sounds = lane_sounds(magnitudes, RATE_HZ, 2.0, [cents], blend)
        loudness.append(
            10.0 * np.log10(np.mean([10.0 ** (loudness_lufs(s[:, None], 4000, RATE_HZ) / 10.0) for s in sounds]))
        )
    assert np.ptp(loudness) < 0.5


@pytest.mark.parametrize("blend", [NOISE, 0.4, COHERENT])
def test_a_lane_at_0_does_not_feel_its_neighbours(blend: float) -> None:
    magnitudes, _ = harmonic(60)
    beside = lane_sounds(magnitudes, RATE_HZ, 0.3, [0.0, 25.0, 0.0, 3.0], blend, n_lanes=4)
    alone = lane_sounds(magnitudes, RATE_HZ, 0.3, [], blend, n_lanes=4)
    assert np.array_equal(beside[[0, 2]], alone[[0, 2]])
    assert not np.array_equal(beside[[1, 3]], alone[[1, 3]])


def test_the_walk_goes_forth_and_back() -> None:
    """A transposed lane may make a hop twice, so a lane's phases at a hop must not depend on the hops made before."""
    magnitudes, _ = harmonic(60)
    made = HopSynthesis(SPEC, RATE_HZ, 0)
    lane = slice(0, 1)

    def spectrum_after(*hops: int) -> np.ndarray:
        phases = CoherentPhases(1, made.n_bins, made.fft_size, made.hop_size, SPEC.bin_hz)
        phases.walk.bandwidth_cents[0] = 4.0
        phases.start(0, 7)
        phases.plan(lane, 100, magnitudes[None, : made.n_bins])
        for hop in hops:
            spectrum = phases.spectra(lane, hop).copy()
        return spectrum

    there = spectrum_after(101, 102, 103, 104, 105)
    assert np.array_equal(there, spectrum_after(105))
    assert np.array_equal(there, spectrum_after(108, 105))
    assert np.array_equal(there, spectrum_after(102, 101, 99, 105))
    assert not np.allclose(there, spectrum_after(104), atol=0.1 * np.abs(there).max())


@pytest.mark.parametrize("blend", [NOISE, COHERENT])
def test_a_change_of_bandwidth_does_not_click(blend: float) -> None:
    """All harmonics are below 2 kHz; a jump would add power above 15 kHz."""
    magnitudes, _ = harmonic(48, 12)
    jumps = [0.0, 3.0, 60.0, 0.0, 10.0] * 4
    changing = lane_sounds(magnitudes, RATE_HZ, len(jumps) * 1024 / RATE_HZ, [0.0], blend, n_lanes=1, by_hop=jumps)[0]
    spectrum = np.fft.rfft(changing * np.hanning(len(changing)))
    high = np.fft.rfftfreq(len(changing), 1.0 / RATE_HZ) > 15000.0
    assert 10.0 * np.log10(np.square(np.abs(spectrum[high])).sum() / np.square(np.abs(spectrum)).sum()) < -90.0


@pytest.mark.parametrize("cents", [1.0, 30.0, 200.0])
def test_widening_keeps_the_power_of_each_part_of_the_spectrum(cents: float) -> None:
    magnitudes = np.zeros((1, SPEC.n_bins), np.float32)
    magnitudes[0, [40, 300, 1200]] = 1.0, 0.5, 0.1
    widened = Widening(1856, 4).widen(magnitudes, [cents], [1.0])[0].astype(np.float64) ** 2
    assert [widened[:120].sum(), widened[150:600].sum(), widened[800:].sum()] == pytest.approx(
        [1.0, 0.25, 0.01], rel=0.05
    )
