"""RTPGHI, a published method, finds phases for magnitudes, and looks at most n_ahead frames ahead."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec, magnitude_frames, periodic_hann
from training.studies.rtpghi import HANN_GAMMA, RealTimePhases, phase_frames, turned_to_start

SPEC = StftSpec()
HOP, SIZE = SPEC.hop_size, SPEC.frame_size


def true_spectra(sound: np.ndarray) -> np.ndarray:
    """The STFT of a sound, with phases: complex (n, n_bins)."""
    framed = np.lib.stride_tricks.sliding_window_view(sound, SIZE)[::HOP]
    return np.fft.rfft(framed * periodic_hann(SIZE))


def wrapped(phases: np.ndarray) -> np.ndarray:
    return (phases + np.pi) % (2.0 * np.pi) - np.pi


def sine(bins: float, n_samples: int = 12 * HOP) -> np.ndarray:
    """A sine; bins: its frequency, in bins."""
    return np.sin(2.0 * np.pi * bins / SIZE * np.arange(n_samples))


def chirp(first_bin: float, bins_per_hop: float) -> np.ndarray:
    """A sine of 24 hops; its frequency, in bins, rises from first_bin by bins_per_hop in each hop."""
    time_hops = np.arange(24 * HOP) / HOP
    return np.sin(2.0 * np.pi * HOP / SIZE * (first_bin * time_hops + 0.5 * bins_per_hop * time_hops**2))


def test_gamma_is_that_of_the_gaussian_nearest_to_a_hann_window():
    time = np.arange(SIZE) - SIZE // 2
    factors = np.linspace(0.2, 0.32, 121)
    misses = [np.square(np.exp(-np.pi * time**2 / (c * SIZE**2)) - periodic_hann(SIZE)).sum() for c in factors]
    assert factors[np.argmin(misses)] == pytest.approx(HANN_GAMMA, abs=0.01)


@pytest.mark.parametrize("n_ahead", [0, 1])
@pytest.mark.parametrize("bins", [100.0, 100.2, 100.5, 100.7, 813.4])
def test_a_sinusoid_between_bins_advances_by_its_frequency(bins: float, n_ahead: int):
    phases = phase_frames(magnitude_frames(sine(bins)), SPEC, n_ahead)
    advance = wrapped(np.diff(phases[:, round(bins)]) - 2.0 * np.pi * bins * HOP / SIZE)
    assert np.abs(advance).max() < 0.03


def test_the_bins_of_a_sinusoid_have_one_phase_at_the_middle_of_the_window():
    phases = phase_frames(magnitude_frames(sine(100.3)), SPEC)
    assert np.abs(wrapped(phases[1:, 99:102] - phases[1:, 100:101])).max() < 0.01


@pytest.mark.parametrize(("bins_per_hop", "largest"), [(1.0, 0.1), (3.0, 0.15), (-2.0, 0.15)])
def test_a_chirp_advances_as_its_phases_do(bins_per_hop: float, largest: float):
    sound = chirp(200.0, bins_per_hop)
    phases, true = phase_frames(magnitude_frames(sound), SPEC, 1), np.angle(true_spectra(sound))
    true += np.pi * np.arange(SPEC.n_bins)  # turns the phases at the window's start into those at its middle
    for frame in range(4, 16):
        at = round(200.0 + bins_per_hop * (frame + 2))
        advance, wanted = (p[frame + 1, at] - p[frame, at] for p in (phases, true))
        assert abs(wrapped(advance - wanted)) < largest


@pytest.mark.parametrize(("n_ahead", "largest"), [(1, 0.02), (0, 1.3)])
def test_an_impulse_gives_each_frame_the_slope_of_its_delay(n_ahead: int, largest: float):
    """If a pulse is d samples after the window's middle, its phase falls by 2 pi d / SIZE from bin to bin.

    The pulse is loudest at bin 1000, where RTPGHI begins.
    """
    time = np.arange(14 * HOP) - (6 * HOP + 100)
    pulse = np.exp(-0.5 * (time / 6.0) ** 2) * np.cos(2.0 * np.pi * 1000 / SIZE * time)
    phases = phase_frames(magnitude_frames(pulse), SPEC, n_ahead)
    for frame in (4, 5, 6):
        delay = 6 * HOP + 100 - (frame * HOP + SIZE // 2)
        steps = wrapped(np.diff(phases[frame, 850:1150]) + 2.0 * np.pi * delay / SIZE)
        assert np.abs(steps).max() < largest


@pytest.mark.parametrize("n_ahead", [0, 1])
@pytest.mark.parametrize("growth", [0.2, -0.2])
def test_a_swelling_tone_turns_from_bin_to_bin(growth: float, n_ahead: int):
    """growth: how much the natural logarithm of the tone's amplitude rises per hop."""
    sound = sine(100.0) * np.exp(growth * np.arange(12 * HOP) / HOP)
    phases = phase_frames(magnitude_frames(sound), SPEC, n_ahead)[4]
    true = np.angle(true_spectra(sound)[4]) + np.pi * np.arange(SPEC.n_bins)
    wanted = wrapped(np.diff(true[99:102]))
    assert np.abs(wanted).min() > 0.15
    assert wrapped(np.diff(phases[99:102])) == pytest.approx(wanted, abs=0.03)


def test_phases_are_turned_so_that_a_sinusoids_signs_alternate_at_the_start():
    true = true_spectra(sine(100.3))[0]
    middle = np.angle(true) + np.pi * np.arange(SPEC.n_bins)
    assert turned_to_start(middle[None])[0] == pytest.approx(true / np.abs(true), abs=1e-3)


@pytest.mark.parametrize("n_ahead", [0, 1])
def test_phases_depend_on_no_frame_too_late_and_not_on_chance(n_ahead: int):
    frames = magnitude_frames(np.random.default_rng(3).standard_normal(10 * HOP))
    other = frames.copy()
    other[4 + n_ahead :] = frames[0]
    first, second = phase_frames(frames, SPEC, n_ahead), phase_frames(other, SPEC, n_ahead)
    assert np.array_equal(first[:4], second[:4])
    assert not np.array_equal(first[4], second[4])
    assert np.array_equal(first, phase_frames(frames, SPEC, n_ahead))
    assert not np.array_equal(first, phase_frames(frames, SPEC, n_ahead, seed=1))


def test_faint_bins_get_random_phases_and_silence_too():
    frames = np.zeros((6, SPEC.n_bins))
    frames[2:, 300:304] = 1.0
    frames[2:, 304] = 1e-7
    phases = phase_frames(frames, SPEC)
    steps = wrapped(np.diff(phases[2:], axis=0) - np.diff(phases[2:, 302]).mean())
    assert np.isfinite(phases).all()
    assert np.ptp(phases[:, 304]) > 0.5
    assert steps[:, 1000:].std() > 1.0


def test_the_heap_takes_each_bin_at_most_twice():
    frames = magnitude_frames(np.random.default_rng(5).standard_normal(8 * HOP))
    stream = RealTimePhases(SPEC)
    for frame in frames:
        before = stream.n_steps
        stream.add(frame)
        assert SPEC.n_bins / 2 < stream.n_steps - before <= 2 * SPEC.n_bins
