"""Coherent phase gives a steady, clear, tuned tone of the noise's level."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec, magnitude_frames, periodic_hann
from runtime.engine.synthesis.coherent import CoherentPhases
from runtime.engine.synthesis.hops import N_NOISE_FRAMES, HopSynthesis
from runtime.engine.synthesis.lane_sound import VoiceRings
from runtime.engine.synthesis.taps import new_pairs, new_taps, read_by_taps, seen_by_bins, write_pairs
from tests.support.hearing import cents_off

SPEC = StftSpec()
RATE_HZ = SPEC.sample_rate_hz


@functools.cache
def synthesis(sample_rate_hz: int = RATE_HZ) -> HopSynthesis:
    return HopSynthesis(SPEC, sample_rate_hz, 0)


def phases(n_lanes: int = 2, seed: int = 0, sample_rate_hz: int = RATE_HZ) -> CoherentPhases:
    made = synthesis(sample_rate_hz)
    return CoherentPhases(n_lanes, made.n_bins, made.fft_size, made.hop_size, SPEC.bin_hz, seed)


def frame_of(sound: np.ndarray) -> np.ndarray:
    """Unit-peak magnitudes of the first whole frame of a sound."""
    magnitudes = magnitude_frames(sound)[0]
    return magnitudes / magnitudes.max()


def partials(frequencies_hz: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """The frame of steady sinusoids, whose phases differ."""
    time_s = np.arange(SPEC.frame_size) / RATE_HZ
    starts = np.arange(len(frequencies_hz)) ** 2
    return frame_of(amplitudes @ np.sin(2.0 * np.pi * frequencies_hz[:, None] * time_s + starts[:, None]))


def harmonic(note: float, tilt: float = 1.0) -> np.ndarray:
    fundamental_hz = float(note_to_hz(note))
    numbers = np.arange(1, int(min(60, 18000 / fundamental_hz)) + 1)
    return partials(numbers * fundamental_hz, numbers**-tilt)


def bell() -> np.ndarray:
    return partials(np.array([211.0, 523.0, 640.0, 1187.0, 1460.0, 2771.0, 4099.0, 6211.0]), np.linspace(1.0, 0.2, 8))


def heard(magnitudes: np.ndarray) -> np.ndarray:
    """Without what lies above 20 kHz, which is never played."""
    magnitudes[int(HIGHEST_HEARD_HZ / SPEC.bin_hz) // 8 * 8 :] = 0.0
    return magnitudes


def white() -> np.ndarray:
    return heard(frame_of(np.random.default_rng(4).standard_normal(SPEC.frame_size)))


def smooth() -> np.ndarray:
    """A frame without any partial, as a decoder draws a noise."""
    return heard((1.0 / (1.0 + np.arange(SPEC.n_bins) / 100.0)).astype(np.float32))


def coherent(magnitudes: np.ndarray, n_hops: int = 60, sample_rate_hz: int = RATE_HZ) -> np.ndarray:
    return rest(phases(1, 0, sample_rate_hz), 0, magnitudes, n_hops, 1, sample_rate_hz)


def rest(
    lane_phases: CoherentPhases, lane: int, magnitudes: np.ndarray, n_hops: int, number: int = 1, rate_hz: int = RATE_HZ
) -> np.ndarray:
    """A new note on a spectrum that does not change."""
    lane_phases.start(lane, number)
    lanes = slice(lane, lane + 1)
    lane_phases.plan(lanes, np.ascontiguousarray(magnitudes[None, : synthesis(rate_hz).n_bins]))
    n_bins = synthesis(rate_hz).n_bins
    taps, pairs, hops = new_taps(1, n_bins), new_pairs(1, n_bins), []
    write_pairs(magnitudes[None], pairs)
    for _ in range(n_hops):
        lane_phases.advance(lanes)
        lane_phases.taps(lanes, taps[:, :, 1:-1])
        sound = synthesis(rate_hz).hops(read_by_taps(pairs), 0, 0, 1.0, seen_by_bins(taps))
        hops.append(sound[0, : synthesis(rate_hz).hop_size].copy())
    return np.concatenate(hops)


class Unlevelled(HopSynthesis):
    """Leaves frames as loud as they are."""

    def write_levelled(
        self, magnitudes: np.ndarray, semitones: Sequence[float], shares: np.ndarray, pairs: np.ndarray
    ) -> None:
        write_pairs(magnitudes[:, : self.n_bins] * shares, pairs)


def through_rings(frames: list[np.ndarray], blends: list[float] | None = None) -> np.ndarray:
    """One lane that opens with the first frame, then turns to the next one at each of its hops."""
    rings = VoiceRings((0,), Unlevelled(SPEC, RATE_HZ, 0), phases(1), RATE_HZ)
    blends = blends or [1.0] * len(frames)
    hops = []
    for number, (frame, blend) in enumerate(zip(frames, blends, strict=True)):
        at = number * SPEC.hop_size
        if number == 0 or frame is not frames[number - 1]:
            rings.set_spectra([0], frame[None], [0.0])
        if number == 0:
            rings.open(slice(0, 1), 0, blend)
        else:
            rings.set_blend(slice(0, 1), blend)
            rings.hop([0], at, 1, np.zeros(1, np.float32))
        hops.append(rings.copy(0, at, SPEC.hop_size))
    return np.concatenate(hops)


def error(sound: np.ndarray, magnitudes: np.ndarray) -> float:
    """Mean of |a Z - M| / |M| over frames at another hop than the synthesis has, with the best gain a for all."""
    again = magnitude_frames(sound, StftSpec(hop_size=441))
    gain = (again @ magnitudes).sum() / np.square(again).sum()
    return float(np.mean(np.linalg.norm(gain * again - magnitudes, axis=1)) / np.linalg.norm(magnitudes))


def loudness_db(sound: np.ndarray) -> float:
    power = np.square(np.abs(np.fft.rfft(sound * periodic_hann(len(sound)))))
    return float(10.0 * np.log10(power @ k_weighting(np.arange(len(power)) * RATE_HZ / len(sound))))


def unsteadiness(sound: np.ndarray) -> float:
    rms = np.sqrt(np.mean(np.square(sound[: len(sound) // 441 * 441].reshape(-1, 441)), axis=1))
    return float(rms.std() / rms.mean())


def above_15_khz_db(sound: np.ndarray) -> np.ndarray:
    """Level of 5 ms after 5 ms, from a little after the sound's beginning to a little before its end."""
    spectrum = np.fft.rfft(sound)
    spectrum[: 15000 * len(sound) // RATE_HZ] = 0.0
    high = np.fft.irfft(spectrum, len(sound))[2048:-2048]
    return 10.0 * np.log10(np.mean(np.square(high[: len(high) // 220 * 220].reshape(-1, 220)), axis=1) + 1e-20)


@pytest.mark.parametrize("note", [36, 50.5, 60, 77.3, 96])
def test_a_note_is_in_tune(note: float) -> None:
    assert abs(cents_off(coherent(harmonic(note), 30), RATE_HZ, note)) < 1.0


def test_a_note_is_in_tune_at_another_rate() -> None:
    sound = coherent(harmonic(60), 30, 48000)
    assert abs(cents_off(sound, 48000, 60)) < 2.5  # 2 of them are the transform's size
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
def test_the_spectrum_comes_back(magnitudes: np.ndarray, largest: float) -> None:
    assert error(coherent(magnitudes), magnitudes) < largest


@pytest.mark.parametrize(
    ("magnitudes", "largest"),
    [(harmonic(48), 0.1), (white(), 0.08), (smooth(), 0.25)],
    ids=["C3", "white", "smooth"],
)
def test_the_sound_is_steady(magnitudes: np.ndarray, largest: float) -> None:
    assert unsteadiness(coherent(magnitudes)) < largest


def test_noise_does_not_repeat_itself() -> None:
    sound = coherent(white(), 60)[: 58 * SPEC.hop_size]
    for lag in (2048, 4096, 8192, 40960):
        assert np.dot(sound[lag:], sound[:-lag]) < 0.9 * np.dot(sound[lag:], sound[lag:])
    assert np.dot(sound[40960:], sound[:-40960]) < 0.4 * np.dot(sound[40960:], sound[40960:])


@pytest.mark.parametrize("magnitudes", [harmonic(48), harmonic(72), white(), smooth()], ids=["C3", "C5", "white", "s"])
def test_noise_coherent_and_blend_are_equally_loud(magnitudes: np.ndarray) -> None:
    frames = [magnitudes] * N_NOISE_FRAMES
    noise, blend, tone = (loudness_db(through_rings(frames, [b] * len(frames))) for b in (0.0, 0.5, 1.0))
    assert abs(tone - noise) < 0.3
    assert abs(blend - noise) < 0.5


def test_a_turn_to_the_same_spectrum_changes_nothing() -> None:
    magnitudes = harmonic(55)
    expected = through_rings([magnitudes] * 8)
    sound = through_rings([magnitudes] * 3 + [magnitudes.copy()] + [magnitudes.copy()] * 4)
    np.testing.assert_allclose(sound, expected, atol=2e-3 * np.abs(expected).max())


def test_a_partial_goes_on_in_phase_when_its_neighbours_change() -> None:
    sound = through_rings([harmonic(60, 3.0)] * 7 + [harmonic(60, 0.5)] * 7)
    carrier = np.exp(-2j * np.pi * float(note_to_hz(60)) * np.arange(len(sound)) / RATE_HZ)
    window = periodic_hann(4096)
    start = np.angle(np.dot(sound[2048:6144] * window, carrier[2048:6144]))
    end = np.angle(np.dot(sound[9216:13312] * window, carrier[9216:13312]))
    assert abs(np.angle(np.exp(1j * (end - start)))) < 0.1


@pytest.mark.parametrize("order", [(harmonic(60, 2.5), harmonic(60, 0.6)), (harmonic(40), bell()), (white(), bell())])
def test_a_spectrum_that_turns_in_steps_does_not_click(order: tuple[np.ndarray, np.ndarray]) -> None:
    frames = [0.1 * frame / np.linalg.norm(frame) for frame in order]
    loudest = max(above_15_khz_db(coherent(frame)).max() for frame in frames)
    sound = through_rings([frame for frame in [*frames, *frames, frames[0]] for _ in range(6)])
    assert above_15_khz_db(sound).max() < max(loudest + 6.0, -72.0)


@pytest.mark.parametrize(
    "frames",
    [
        [(1 - t) * harmonic(50, 2.0) + t * harmonic(50, 0.5) for t in np.linspace(0.0, 1.0, 40, dtype=np.float32)],
        [harmonic(57.0 + 0.02 * i) for i in range(40)],
    ],
    ids=["timbre", "glide"],
)
def test_a_spectrum_that_moves_all_the_time_is_followed(frames: list[np.ndarray]) -> None:
    again = magnitude_frames(through_rings(frames))
    wanted = np.array(frames[1 : 1 + len(again)]) / 2 + np.array(frames[2 : 2 + len(again)]) / 2
    gain = (again * wanted).sum() / np.square(again).sum()
    errors = np.linalg.norm(gain * again - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
    assert errors.mean() < 0.06


def test_the_same_inputs_give_the_same_bits_whatever_the_other_lanes_do() -> None:
    alone, in_company = phases(4), phases(4)
    expected = rest(alone, 2, harmonic(60), 5, number=9)
    rest(in_company, 1, bell(), 3)
    in_company.start(2, 8)
    in_company.plan(slice(2, 3), np.ascontiguousarray(white()[None, : synthesis().n_bins]))
    assert np.array_equal(rest(in_company, 2, harmonic(60), 5, number=9), expected)


def test_lanes_and_notes_differ_in_phase() -> None:
    lane_phases = phases(3)
    sounds = [rest(lane_phases, lane, harmonic(45, 0.3), 12, number) for lane, number in ((0, 1), (1, 1), (0, 2))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        correlation = np.dot(sounds[one], sounds[other]) / np.dot(sounds[one], sounds[one])
        assert abs(correlation) < 0.6


def test_what_is_too_low_to_be_heard_is_silent() -> None:
    offset = harmonic(60)
    offset[:2] = 5.0, 2.5
    np.testing.assert_allclose(np.abs(coherent(offset)).max(), np.abs(coherent(harmonic(60))).max(), rtol=0.1)


def test_what_is_too_high_to_be_heard_is_silent_and_all_below_sounds() -> None:
    single = np.zeros(SPEC.n_bins, np.float32)
    for at_hz, is_heard in ((19900.0, True), (20100.0, False), (21900.0, False)):
        single[:] = 0.0
        single[round(at_hz / SPEC.bin_hz)] = 1.0
        assert coherent(single, 3).any() == is_heard, at_hz


def test_silence_and_a_single_bin_are_taken() -> None:
    single = np.zeros(SPEC.n_bins, np.float32)
    assert not coherent(single, 3).any()
    for at in (2, 1000, synthesis().n_bins - 1):
        single[:] = 0.0
        single[at] = 1.0
        assert np.isfinite(coherent(single, 3)).all()
        assert coherent(single, 3).any()
