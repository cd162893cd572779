"""Coherent phases give a steady tone with the wanted spectrum."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.pitch import hz_to_note, note_to_hz
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec, magnitude_frames, periodic_hann
from runtime.engine.synthesis.hops import HopSynthesis
from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.engine.synthesis.phases.coherent import CoherentPhases
from runtime.engine.synthesis.phases.noise import N_NOISE_SPECTRA
from runtime.engine.synthesis.phases.peaks import NO_FUNDAMENTAL, PeakFinder, beside_multiples
from runtime.engine.synthesis.phases.taps import neighbour_pairs, new_pairs
from runtime.engine.synthesis.shaping.levels import Levels
from tests.support.hearing import cents_off

SPEC = StftSpec()
RATE_HZ = SPEC.sample_rate_hz


@functools.cache
def synthesis(sample_rate_hz: int = RATE_HZ) -> HopSynthesis:
    return HopSynthesis(SPEC, sample_rate_hz, 0)


def phases(n_lanes: int = 2, seed: int = 0, sample_rate_hz: int = RATE_HZ) -> CoherentPhases:
    made = synthesis(sample_rate_hz)
    return CoherentPhases(n_lanes, made.n_bins, made.fft_size, made.hop_size, SPEC.bin_hz, seed)


def spectrum_of(sound: np.ndarray) -> np.ndarray:
    """The magnitude spectrum of the first 4,096 samples, divided by its maximum."""
    magnitudes = magnitude_frames(sound)[0]
    return magnitudes / magnitudes.max()


def partials(frequencies_hz: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    time_s = np.arange(SPEC.frame_size) / RATE_HZ
    starts = np.arange(len(frequencies_hz)) ** 2
    return spectrum_of(amplitudes @ np.sin(2.0 * np.pi * frequencies_hz[:, None] * time_s + starts[:, None]))


def harmonic(note: float, tilt: float = 1.0) -> np.ndarray:
    """The spectrum of a note whose harmonic k has amplitude k ** -tilt."""
    fundamental_hz = float(note_to_hz(note))
    numbers = np.arange(1, int(min(60, 18000 / fundamental_hz)) + 1)
    return partials(numbers * fundamental_hz, numbers**-tilt)


def bell() -> np.ndarray:
    return partials(np.array([211.0, 523.0, 640.0, 1187.0, 1460.0, 2771.0, 4099.0, 6211.0]), np.linspace(1.0, 0.2, 8))


def heard(magnitudes: np.ndarray) -> np.ndarray:
    """Silence the bins above 20 kHz, which the engine never plays; returns the same array."""
    magnitudes[int(HIGHEST_HEARD_HZ / SPEC.bin_hz) // 8 * 8 :] = 0.0
    return magnitudes


def white() -> np.ndarray:
    return heard(spectrum_of(np.random.default_rng(4).standard_normal(SPEC.frame_size)))


def smooth() -> np.ndarray:
    return heard((1.0 / (1.0 + np.arange(SPEC.n_bins) / 100.0)).astype(np.float32))


def coherent(magnitudes: np.ndarray, n_hops: int = 60, sample_rate_hz: int = RATE_HZ) -> np.ndarray:
    return held(phases(1, 0, sample_rate_hz), 0, magnitudes, n_hops, 1, sample_rate_hz)


def held(
    lane_phases: CoherentPhases,
    lane: int,
    magnitudes: np.ndarray,
    n_hops: int,
    number: int = 1,
    rate_hz: int = RATE_HZ,
    first_hop: int = 0,
) -> np.ndarray:
    """The sound of a new note on a lane. The note's spectrum does not change.

    number: as in `CoherentPhases.start`.
    first_hop: number of the hop at which the note begins.
    """
    lane_phases.start(lane, number)
    lanes = slice(lane, lane + 1)
    lane_phases.plan(lanes, first_hop, magnitudes[None, : synthesis(rate_hz).n_bins])
    pairs, hops = new_pairs(1, synthesis(rate_hz).n_bins), []
    for hop in range(first_hop + 1, first_hop + n_hops + 1):
        sound = synthesis(rate_hz).hops(neighbour_pairs(pairs), 0, 0, 1.0, lane_phases.spectra(lanes, hop))
        hops.append(sound[0, : synthesis(rate_hz).hop_size].copy())
    return np.concatenate(hops)


def leave_unlevelled(
    _levels: Levels, magnitudes: np.ndarray, semitones: Sequence[float], out: np.ndarray, weighted: np.ndarray
) -> None:
    """Stands in for `Levels.find`, and changes no loudness."""
    out.fill(1.0)


def through_lane(spectra: list[np.ndarray], blends: list[float] | None = None) -> np.ndarray:
    """The sound of a lane that takes the next spectrum at each hop.

    blends: the blend with each spectrum; by default always 1.
    """
    sound = LaneSound(SPEC, RATE_HZ, (0,), 0)
    blends = blends or [1.0] * len(spectra)
    hops = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Levels, "find", leave_unlevelled)
        for number, (magnitudes, blend) in enumerate(zip(spectra, blends, strict=True)):
            at = number * SPEC.hop_size
            if number == 0 or magnitudes is not spectra[number - 1]:
                sound.set_spectra([0], magnitudes[None], [0.0])
            if number == 0:
                sound.open(slice(0, 1), 0, blend)
            else:
                sound.set_blend([0], blend)
                sound.hop([0], at, 1, np.zeros(1, np.float32))
            hops.append(sound.read_lane(0, at, SPEC.hop_size).copy())
    return np.concatenate(hops)


def error(sound: np.ndarray, magnitudes: np.ndarray) -> float:
    """The error |g * Z - M| / |M|, as a mean over frames.

    Z: the sound's STFT magnitudes.
    M: `magnitudes`.
    g: the gain with which g * Z is closest to M, the same in all frames.
    The analysis has another hop size than the synthesis, so few of its frames begin at a hop.
    """
    again = magnitude_frames(sound, StftSpec(hop_size=441))
    gain = (again @ magnitudes).sum() / np.square(again).sum()
    return float(np.mean(np.linalg.norm(gain * again - magnitudes, axis=1)) / np.linalg.norm(magnitudes))


def loudness_db(sound: np.ndarray) -> float:
    """K-weighted level in dB, relative to an arbitrary reference."""
    power = np.square(np.abs(np.fft.rfft(sound * periodic_hann(len(sound)))))
    return float(10.0 * np.log10(power @ k_weighting(np.arange(len(power)) * RATE_HZ / len(sound))))


def unsteadiness(sound: np.ndarray) -> float:
    """Measure the RMS of each 10 ms section; returns the standard deviation of these values, divided by their mean."""
    rms = np.sqrt(np.mean(np.square(sound[: len(sound) // 441 * 441].reshape(-1, 441)), axis=1))
    return float(rms.std() / rms.mean())


def above_15_khz_db(sound: np.ndarray) -> np.ndarray:
    """The level above 15 kHz in each 5 ms, in dB; the first and the last 2,048 samples are left out."""
    spectrum = np.fft.rfft(sound)
    spectrum[: 15000 * len(sound) // RATE_HZ] = 0.0
    high = np.fft.irfft(spectrum, len(sound))[2048:-2048]
    return 10.0 * np.log10(np.mean(np.square(high[: len(high) // 220 * 220].reshape(-1, 220)), axis=1) + 1e-20)


@pytest.mark.parametrize("note", [36, 50.5, 60, 77.3, 96])
def test_a_note_is_in_tune(note: float) -> None:
    assert abs(cents_off(coherent(harmonic(note), 30), RATE_HZ, note)) < 1.0


def found_pitch(note: float, fundamental: float) -> float:
    """The lowest frequency, in bins, that is found in the spectrum of a saw wave at `note`.

    fundamental: a fundamental frequency, in bins, to whose multiples the search holds low sinusoids.
    """
    finder = PeakFinder(1, SPEC.n_bins, 2)
    peaks = finder.find(harmonic(note)[None], beside_multiples(fundamental)[None])
    return float(peaks.bins[0] + peaks.distances[0])


@pytest.mark.parametrize("note", [30, 36, 37, 44, 52.5])
def test_low_sinusoids_are_held_to_multiples_of_their_note(note: float) -> None:
    fundamental = float(note_to_hz(note)) / SPEC.bin_hz
    off = np.linspace(-0.6, 0.6, 61)
    found = np.array([found_pitch(hz_to_note((fundamental + each) * SPEC.bin_hz), fundamental) for each in off])
    moved, near, far = found - fundamental, np.abs(off) < 0.17, np.abs(off) > 0.43
    assert np.abs(moved[near]).max() < 1e-3
    assert np.abs(moved - off)[far].max() < 0.04  # the other harmonics cause these errors
    steps = np.diff(moved)
    assert steps.min() > -1e-3
    assert steps.max() < 0.1  # the pitch does not jump while a spectrum changes
    free = [found_pitch(hz_to_note((fundamental + each) * SPEC.bin_hz), NO_FUNDAMENTAL) for each in off[near]]
    assert np.abs(np.array(free) - fundamental - off[near]).max() < 0.04


@pytest.mark.parametrize("off", [-0.15, 0.15])
def test_a_low_note_whose_lobes_are_off_is_in_tune(off: float) -> None:
    fundamental_hz = float(note_to_hz(37))
    numbers = np.arange(1, 9)
    magnitudes = partials(numbers * fundamental_hz + off * SPEC.bin_hz, 1.0 / numbers**3)
    lane_phases = phases(1)
    lane_phases.beside[0] = beside_multiples(fundamental_hz / SPEC.bin_hz)
    assert abs(cents_off(held(lane_phases, 0, magnitudes, 60), RATE_HZ, 37)) < 1.0
    assert abs(cents_off(coherent(magnitudes), RATE_HZ, 37)) > 10.0


def test_a_note_is_in_tune_at_another_rate() -> None:
    sound = coherent(harmonic(60), 30, 48000)
    assert abs(cents_off(sound, 48000, 60)) < 2.5  # 2 cents come from the rounded size of the transform
    again = magnitude_frames(sound, StftSpec(48000, synthesis(48000).fft_size, 441))[:, : SPEC.n_bins]
    wanted = harmonic(60)
    gain = (again @ wanted).sum() / np.square(again).sum()
    assert np.linalg.norm(gain * again - wanted, axis=1).mean() < 0.03 * np.linalg.norm(wanted)


@pytest.mark.parametrize(
    ("magnitudes", "largest"),
    [
        (harmonic(36), 0.03),
        (harmonic(60), 0.02),
        (harmonic(84), 0.02),
        (bell(), 0.02),
        (white(), 0.31),
        (smooth(), 0.25),
    ],
    ids=["C2", "C4", "C6", "bell", "white", "smooth"],
)
def test_the_sound_has_the_wanted_spectrum(magnitudes: np.ndarray, largest: float) -> None:
    assert error(coherent(magnitudes), magnitudes) < largest


@pytest.mark.parametrize(("magnitudes", "largest"), [(harmonic(60), 0.02), (white(), 0.31)], ids=["C4", "white"])
def test_the_sound_is_as_good_minutes_after_the_start(magnitudes: np.ndarray, largest: float) -> None:
    for first_hop in (5000, 9000, 1_000_001):
        assert error(held(phases(1), 0, magnitudes, 60, first_hop=first_hop), magnitudes) < largest


@pytest.mark.parametrize(
    ("magnitudes", "largest"),
    [(harmonic(48), 0.1), (white(), 0.08), (smooth(), 0.25)],
    ids=["C3", "white", "smooth"],
)
def test_the_sound_is_steady(magnitudes: np.ndarray, largest: float) -> None:
    assert unsteadiness(coherent(magnitudes)) < largest


def test_dark_noise_does_not_click_at_hops() -> None:
    bins = np.arange(SPEC.n_bins) / 20.0
    sound = coherent(heard((bins**4 * np.exp(-bins)).astype(np.float32)))
    assert above_15_khz_db(sound / np.abs(sound).max()).max() < -85.0


def test_noise_does_not_repeat_itself() -> None:
    sound = coherent(white(), 60)[: 58 * SPEC.hop_size]
    for lag in (2048, 4096, 8192, 40960):
        assert np.dot(sound[lag:], sound[:-lag]) < 0.9 * np.dot(sound[lag:], sound[lag:])
    assert np.dot(sound[40960:], sound[:-40960]) < 0.4 * np.dot(sound[40960:], sound[40960:])


@pytest.mark.parametrize("magnitudes", [harmonic(48), harmonic(72), white(), smooth()], ids=["C3", "C5", "white", "s"])
def test_noise_coherent_and_blend_are_equally_loud(magnitudes: np.ndarray) -> None:
    hops = [magnitudes] * N_NOISE_SPECTRA
    noise, blend, tone = (loudness_db(through_lane(hops, [b] * len(hops))) for b in (0.0, 0.5, 1.0))
    assert abs(tone - noise) < 0.3
    assert abs(blend - noise) < 0.5


def test_a_change_to_an_equal_spectrum_is_inaudible() -> None:
    magnitudes = harmonic(55)
    expected = through_lane([magnitudes] * 8)
    sound = through_lane([magnitudes] * 3 + [magnitudes.copy()] + [magnitudes.copy()] * 4)
    np.testing.assert_allclose(sound, expected, atol=2e-3 * np.abs(expected).max())


def test_a_partial_goes_on_in_phase_when_its_neighbours_change() -> None:
    sound = through_lane([harmonic(60, 3.0)] * 7 + [harmonic(60, 0.5)] * 7)
    carrier = np.exp(-2j * np.pi * float(note_to_hz(60)) * np.arange(len(sound)) / RATE_HZ)
    window = periodic_hann(4096)
    start = np.angle(np.dot(sound[2048:6144] * window, carrier[2048:6144]))
    end = np.angle(np.dot(sound[9216:13312] * window, carrier[9216:13312]))
    assert abs(np.angle(np.exp(1j * (end - start)))) < 0.1


@pytest.mark.parametrize("order", [(harmonic(60, 2.5), harmonic(60, 0.6)), (harmonic(40), bell()), (white(), bell())])
def test_steps_between_spectra_do_not_click(order: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = (0.1 * spectrum / np.linalg.norm(spectrum) for spectrum in order)
    loudest = max(above_15_khz_db(coherent(spectrum)).max() for spectrum in (first, second))
    sound = through_lane([spectrum for spectrum in (first, second, first, second, first) for _ in range(6)])
    assert above_15_khz_db(sound).max() < max(loudest + 6.0, -72.0)


@pytest.mark.parametrize(
    "spectra",
    [
        [(1 - t) * harmonic(50, 2.0) + t * harmonic(50, 0.5) for t in np.linspace(0.0, 1.0, 40, dtype=np.float32)],
        [harmonic(57.0 + 0.02 * i) for i in range(40)],
    ],
    ids=["timbre", "glide"],
)
def test_a_spectrum_that_moves_all_the_time_is_followed(spectra: list[np.ndarray]) -> None:
    again = magnitude_frames(through_lane(spectra))
    wanted = np.array(spectra[1 : 1 + len(again)]) / 2 + np.array(spectra[2 : 2 + len(again)]) / 2
    gain = (again * wanted).sum() / np.square(again).sum()
    errors = np.linalg.norm(gain * again - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
    assert errors.mean() < 0.06


def test_the_same_inputs_give_the_same_bits_whatever_the_other_lanes_do() -> None:
    alone, with_others = phases(4), phases(4)
    expected = held(alone, 2, harmonic(60), 5, number=9)
    held(with_others, 1, bell(), 3)
    with_others.start(2, 8)
    with_others.plan(slice(2, 3), 0, white()[None, : synthesis().n_bins])
    assert np.array_equal(held(with_others, 2, harmonic(60), 5, number=9), expected)


@pytest.mark.parametrize("factors", [None, [0.5, 0.0, 2.0]])
def test_a_mixed_spectrum_is_the_sum_of_the_lanes_spectra(factors: list[float] | None) -> None:
    lane_phases, n_bins = phases(3), synthesis().n_bins
    for lane in range(3):
        lane_phases.start(lane, 4)
    lane_phases.plan(slice(0, 2), 7, np.array([harmonic(40)[:n_bins], white()[:n_bins]]))
    lane_phases.plan(slice(2, 3), 9, bell()[None, :n_bins])
    weights = None if factors is None else np.array(factors, np.float32)[:, None]
    for hop in (12, 5, 20000):
        spectra = lane_phases.spectra(slice(0, 3), hop).copy()
        wanted = spectra.sum(axis=0) if weights is None else (weights * spectra).sum(axis=0)
        found = lane_phases.mixed_spectrum(slice(0, 3), hop, weights)[0]
        np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_lanes_and_notes_differ_in_phase() -> None:
    lane_phases = phases(3)
    sounds = [held(lane_phases, lane, harmonic(45, 0.3), 12, number) for lane, number in ((0, 1), (1, 1), (0, 2))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        correlation = np.dot(sounds[one], sounds[other]) / np.dot(sounds[one], sounds[one])
        assert abs(correlation) < 0.6


def test_bins_below_20_hz_are_silent() -> None:
    offset = harmonic(60)
    offset[:2] = 5.0, 2.5
    np.testing.assert_allclose(np.abs(coherent(offset)).max(), np.abs(coherent(harmonic(60))).max(), rtol=0.1)


def test_bins_above_20_khz_are_silent_and_those_just_below_sound() -> None:
    single = np.zeros(SPEC.n_bins, np.float32)
    for at_hz, is_heard in ((19900.0, True), (20100.0, False), (21900.0, False)):
        single[:] = 0.0
        single[round(at_hz / SPEC.bin_hz)] = 1.0
        assert coherent(single, 3).any() == is_heard, at_hz


def test_silence_and_a_single_bin_can_be_played() -> None:
    single = np.zeros(SPEC.n_bins, np.float32)
    assert not coherent(single, 3).any()
    for at in (2, 1000, synthesis().n_bins - 1):
        single[:] = 0.0
        single[at] = 1.0
        assert np.isfinite(coherent(single, 3)).all()
        assert coherent(single, 3).any()


def test_a_sum_does_not_depend_on_when_a_silent_lane_of_the_run_was_planned_again() -> None:
    """A lane that has left its bus is still among the lanes that are added up, with factor 0.

    A new note on this lane makes a new plan, before or after the bus's dense hop is made. The sum must be the same.
    """
    spectra = np.stack([heard(np.random.default_rng(lane).random(SPEC.n_bins).astype(np.float32)) for lane in range(4)])
    spectra = spectra[:, : synthesis(RATE_HZ).n_bins]
    made, lanes, factors = phases(4), slice(0, 4), np.array([[1.0], [0.5], [0.0], [0.7]], np.float32)
    for lane in range(4):
        made.start(lane, 5)
    made.plan(lanes, 10, spectra)
    before = made.mixed_spectrum(lanes, 12, factors).copy()
    made.plan(slice(2, 3), 12, spectra[:1])
    assert np.abs(before).max() > 0.0
    assert before.tobytes() == made.mixed_spectrum(lanes, 12, factors).tobytes()


def test_more_sinusoids_than_16_bits_can_count_keep_their_phases() -> None:
    n_bins, fft_size, n_lanes = 29_696, 65_536, 16  # those of the longest frame that a card may have
    together, alone = (CoherentPhases(n_lanes, n_bins, fft_size, fft_size // 4, RATE_HZ / fft_size) for _ in range(2))
    magnitudes = np.zeros((n_lanes, n_bins), np.float32)
    for offset, magnitude in ((-1, 0.5), (0, 1.0), (1, 0.5)):
        magnitudes[:, 100 + offset : -100 : 10] = magnitude
    assert len(together.find(slice(0, n_lanes), magnitudes).peaks.bins) > 2**15
    last = slice(n_lanes - 1, n_lanes)
    for lane in range(n_lanes):
        together.start(lane, 5)
    alone.start(last.start, 5)
    for hop in range(2):
        together.plan(slice(0, n_lanes), hop, magnitudes)
        alone.plan(last, hop, magnitudes[last])
    np.testing.assert_array_equal(together.spectra(last, 2).copy(), alone.spectra(last, 2))
