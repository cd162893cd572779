"""Every timbre is equally loud at every key."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec, magnitude_frames
from runtime.engine.limiter import LIMITER_KNEE, limit
from runtime.engine.synthesis.hops import HopSynthesis
from runtime.engine.synthesis.phases.coherent import CoherentPhases
from runtime.engine.synthesis.phases.noise import N_NOISE_SPECTRA
from runtime.engine.synthesis.phases.taps import neighbour_pairs, new_pairs, write_pairs
from runtime.engine.synthesis.shaping.levels import VOICE_LEVEL_DB, Levels
from tests.soak import loudness as soak
from tests.support.places import DATA
from tests.support.playing import decoder

SPEC = StftSpec()
RATE_HZ = SPEC.sample_rate_hz
N_POINTS = 12


# Tests of the measure of loudness


@pytest.mark.parametrize(
    ("frequency_hz", "gain_db"),
    [(10, -23.8), (38, -6.0), (100, -1.13), (997, 0.69), (4000, 3.97), (10000, 4.04), (20000, 4.04)],
)
def test_the_weighting_is_that_of_bs_1770(frequency_hz: float, gain_db: float) -> None:
    assert 10.0 * np.log10(k_weighting(np.array([frequency_hz])))[0] == pytest.approx(gain_db, abs=0.05)


def test_the_weighting_rises_with_frequency_and_blocks_an_offset() -> None:
    weight = k_weighting(np.geomspace(1.0, 22000.0, 500))
    assert (np.diff(weight) > -1e-3).all()
    assert k_weighting(np.zeros(1))[0] < 1e-9


@pytest.mark.parametrize("sample_rate_hz", [44100, 48000])
def test_the_soak_tests_filters_have_the_standards_weighting(sample_rate_hz: int) -> None:
    time_s = np.arange(sample_rate_hz) / sample_rate_hz
    for frequency_hz in (30.0, 100.0, 997.0, 3000.0, 12000.0):
        sine = np.sin(2.0 * np.pi * frequency_hz * time_s)[:, None]
        heard = soak.loudness_lufs(sine, sample_rate_hz // 2, sample_rate_hz)
        wanted = -0.691 + 10.0 * np.log10(0.5 * k_weighting(np.array([frequency_hz]))[0])
        assert heard == pytest.approx(wanted, abs=0.05)


def test_a_sine_of_full_scale_is_as_loud_as_the_standard_says() -> None:
    """A sine of 997 Hz at 0 dBFS has -3.01 LKFS on one channel, and 0 LKFS on two. Source: ITU-R BS.1770-4."""
    sine = np.sin(2.0 * np.pi * 997.0 * np.arange(48000) / 48000.0)[:, None]
    assert soak.loudness_lufs(sine, 4800, 48000) == pytest.approx(-3.01, abs=0.01)
    assert soak.loudness_lufs(np.repeat(sine, 2, axis=1), 4800, 48000) == pytest.approx(0.0, abs=0.01)


def test_the_spread_separates_chance_from_differences_of_timbre() -> None:
    random = np.random.default_rng(1)
    own, chance = random.normal(0.0, 0.8, (400, 1)), random.normal(0.0, 0.3, (400, 4))
    figures = soak.spread(-15.0 + own + chance)
    assert figures["own_sd_db"] == pytest.approx(0.8, abs=0.08)
    assert figures["chance_sd_db"] == pytest.approx(0.3, abs=0.03)
    assert figures["sd_db"] == pytest.approx(np.hypot(0.8, 0.3), abs=0.08)


# Levelled spectra


def spectra() -> dict[str, np.ndarray]:
    """Spectra by name, from a single sharp peak to a smooth slope; each is (n_bins,)."""
    time_s = np.arange(SPEC.frame_size) / RATE_HZ
    sines = [
        sum(np.sin(2 * np.pi * k * f * time_s + k) / k for k in range(1, n + 1)) for f, n in ((440.0, 1), (220, 30))
    ]
    noise = np.random.default_rng(2).standard_normal(SPEC.frame_size)
    slope = 1.0 / (1.0 + np.arange(SPEC.n_bins) / 100.0)
    sounds = {"sine": sines[0], "harmonics": sines[1], "noise": noise}
    return {name: magnitude_frames(sound)[0] for name, sound in sounds.items()} | {"slope": slope.astype(np.float32)}


def gains(n_bins: int, magnitudes: np.ndarray, semitones: int) -> np.ndarray:
    """The factors that level n spectra, (n, 1). magnitudes: the spectra, (n, n_magnitudes)."""
    n, gains = len(magnitudes), np.empty(len(magnitudes), np.float32)
    levels = Levels(SPEC, RATE_HZ, n_bins, n)
    levels.find(magnitudes, [semitones] * n, gains, np.empty((n, n_bins), np.float32))
    return gains[:, None]


@pytest.mark.parametrize("blend", [0.0, 1.0], ids=["noise", "coherent"])
@pytest.mark.parametrize("name", ["sine", "harmonics", "noise", "slope"])
def test_sharp_and_blunt_spectra_are_levelled_to_one_loudness(name: str, blend: float) -> None:
    synthesis = HopSynthesis(SPEC, RATE_HZ, 0)
    n_bins = synthesis.n_bins
    phases = CoherentPhases(1, n_bins, SPEC.frame_size, SPEC.hop_size, SPEC.bin_hz)
    spectrum = spectra()[name][None].copy()
    spectrum *= gains(n_bins, spectrum, 0)
    pairs = new_pairs(1, n_bins)
    write_pairs(spectrum, pairs)
    lane = slice(0, 1)
    phases.start(0, 1)
    phases.plan(lane, 0, spectrum[:, :n_bins])
    hops = []
    for number in range(N_NOISE_SPECTRA):
        sound = synthesis.hops(neighbour_pairs(pairs), number, 0, blend, phases.spectra(lane, number + 1))
        hops.append(sound[0, : SPEC.hop_size].copy())
    sound = np.concatenate(hops)[:, None]
    assert soak.loudness_lufs(sound, SPEC.frame_size, RATE_HZ) == pytest.approx(VOICE_LEVEL_DB, abs=0.4)


@pytest.mark.parametrize("semitones", [-24, 0, 7, 24])
def test_inaudible_bins_do_not_count_in_the_level(semitones: int) -> None:
    """Bins that are above 20 kHz before or after transposition do not change the levels of other bins."""
    spectrum = spectra()["harmonics"][None]
    n_bins = HopSynthesis(SPEC, RATE_HZ, 0).n_bins
    unheard_above_hz = HIGHEST_HEARD_HZ * min(1.0, 2.0 ** (-semitones / 12.0)) + SPEC.bin_hz
    plain = spectrum.copy()
    plain[:, int(unheard_above_hz / SPEC.bin_hz) :] = 0.0
    hissing = plain.copy()
    hissing[:, int(unheard_above_hz / SPEC.bin_hz) + 1 :] = spectrum.max()
    for levelled in (plain, hissing):
        levelled *= gains(n_bins, levelled, semitones)
    heard = slice(0, int(unheard_above_hz / SPEC.bin_hz))
    np.testing.assert_allclose(hissing[0, heard], plain[0, heard], rtol=1e-3)


@pytest.mark.parametrize("phase", soak.PHASES)
def test_any_knobs_at_any_key_are_equally_loud(phase: str) -> None:
    # The dullest and the brightest sound, at notes inside and outside the model's range, 48 to 83.
    corners = [(note, (knob, knob)) for note in (36, 47, 48, 83, 84, 96) for knob in (0.0, 1.0)]
    points = corners + soak.random_points(N_POINTS, 2, 3)
    figures = soak.spread(soak.measure(decoder(), points, phase, 1.0, 1))
    assert figures["sd_db"] <= soak.LARGEST_SD_DB
    assert figures["range_db"] <= soak.LARGEST_RANGE_DB


def test_a_report_is_written_and_an_uneven_instrument_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "loudness.json"
    arguments = [str(DATA / "tiny.onnx"), "--points", "3", "--seconds", "0.3", "--seeds", "1", "--json", str(report)]
    monkeypatch.setattr(soak, "LARGEST_RANGE_DB", 100.0)
    monkeypatch.setattr(soak, "LARGEST_SD_DB", 100.0)
    assert soak.main(arguments) == 0
    assert len(json.loads(report.read_text())["coherent"]["points"]) == 3
    monkeypatch.setattr(Levels, "find", lambda self, magnitudes, semitones, out, weighted: out.fill(1e-4))
    monkeypatch.setattr(soak, "LARGEST_SD_DB", 0.1)
    assert soak.main(arguments) == 1
    capsys.readouterr()
    assert soak.main([*arguments, "--points", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# The limiter


def limited(signal: np.ndarray) -> np.ndarray:
    sound = np.array(signal, np.float32)
    limit(sound, np.empty_like(sound), np.empty_like(sound))
    return sound


def test_samples_below_the_knee_stay_as_they_are() -> None:
    quiet = np.linspace(-LIMITER_KNEE, LIMITER_KNEE, 1001, dtype=np.float32)
    assert np.array_equal(limited(quiet), quiet)
    with_a_peak = limited(np.append(quiet, np.float32(3.0)))
    assert np.array_equal(with_a_peak[:-1], quiet)


def test_no_peak_exceeds_full_scale() -> None:
    loud = np.linspace(-40.0, 40.0, 100001, dtype=np.float32)
    assert np.abs(limited(loud)).max() <= 1.0
    assert limited(np.array([40.0]))[0] > 0.999
    absurd = np.abs(limited(np.array([300.0, -3e3, 1e6])))
    assert absurd.max() <= 1.0
    assert absurd.min() > 0.9


def test_the_limiter_s_curve_rises_and_is_odd() -> None:
    rising = np.linspace(0.0, 4.0, 4001, dtype=np.float32)
    assert (np.diff(limited(rising)) > 0.0).all()
    assert np.array_equal(limited(-rising), -limited(rising))


def test_the_curve_has_no_corner() -> None:
    step = 0.001
    slope = np.diff(limited(np.arange(0.0, 3.0, step)).astype(np.float64)) / step
    assert slope[0] == pytest.approx(1.0, abs=1e-3)
    # The second derivative is at most 2.9. At a corner, the slope would jump within one step.
    assert np.abs(np.diff(slope)).max() < 4.0 * step
