"""The reverb has the decay, width and pre-delay of its settings, and does not ring."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import ReverbConfig
from runtime.effects.grid import cell_frames
from runtime.effects.reverb import Reverb
from runtime.effects.reverb_design import design, hadamard, longest_frames
from runtime.effects.room_turning import RoomTurning
from tests.support.room import (
    BANDS_HZ,
    FLATNESS_OF_NOISE,
    decay_time_s,
    echo_density,
    impulse_response,
    in_band,
    tail_flatness,
    wanted_decays_s,
)

RATE_HZ = 44100
ROOMS = [
    ReverbConfig(size_m=5.0, decay_s=0.3, damping=0.0, bass=1.0),
    ReverbConfig(size_m=10.0, decay_s=1.0, damping=1.0, bass=1.5),
    ReverbConfig(),
    ReverbConfig(size_m=50.0, decay_s=1.0, bass=0.7),
    ReverbConfig(size_m=50.0, decay_s=10.0, damping=0.3),
    ReverbConfig(size_m=15.0, decay_s=6.0, damping=0.8, bass=2.0, pre_delay_s=0.1),
]


def _correlation(sound: np.ndarray) -> float:
    return float(np.corrcoef(sound.T)[0, 1])


@pytest.mark.parametrize(
    ("settings", "rate_hz"), [(room, RATE_HZ) for room in ROOMS] + [(room, 96000) for room in ROOMS[:3]]
)
def test_each_band_fades_in_the_time_that_was_set(settings: ReverbConfig, rate_hz: int) -> None:
    duration_s = settings.decay_s * max(1.0, settings.bass) + 0.4
    # Two clicks, one at a time, the left and the right, excite more resonances than a click on one side would.
    both = np.hstack([impulse_response(settings, duration_s, rate_hz, sides) for sides in ((1.0, 0.0), (0.0, 1.0))])
    for centre_hz, wanted_s in zip(BANDS_HZ, wanted_decays_s(settings), strict=True):
        assert decay_time_s(in_band(both, centre_hz, rate_hz), rate_hz) == pytest.approx(wanted_s, rel=0.1), centre_hz


@pytest.mark.parametrize(("size_m", "within_s"), [(5.0, 0.02), (10.0, 0.03), (22.0, 0.05), (40.0, 0.1)])
def test_echoes_soon_are_as_dense_as_noise(size_m: float, within_s: float) -> None:
    sound = impulse_response(ReverbConfig(size_m=size_m, decay_s=3.0), 0.6, sides=(1.0, 0.0))
    for side in sound.T:
        start_s = np.flatnonzero(np.abs(side) > 1e-5)[0] / RATE_HZ
        times_s, densities = echo_density(side, RATE_HZ)
        assert densities[times_s > start_s + within_s].mean() == pytest.approx(1.0, abs=0.05)
        assert densities[times_s > start_s + within_s].min() > 0.8
        assert densities[times_s < start_s + within_s + 0.01].max() > 0.9


@pytest.mark.parametrize(("size_m", "decay_s"), [(5.0, 0.5), (10.0, 1.0), (10.0, 4.0), (22.0, 2.2), (35.0, 5.0)])
def test_the_tail_does_not_ring(size_m: float, decay_s: float) -> None:
    settings = ReverbConfig(size_m=size_m, decay_s=decay_s, damping=0.0, bass=1.0)
    sound = impulse_response(settings, 1.4 * decay_s)
    for begin_s in (0.3 * decay_s, 0.6 * decay_s, 0.95 * decay_s):
        part = sound[round(begin_s * RATE_HZ) : round((begin_s + 0.35 * decay_s) * RATE_HZ)]
        for side in part.T:
            flatness, peak_db = tail_flatness(side, decay_s, RATE_HZ)
            assert flatness > 0.6 * FLATNESS_OF_NOISE
            assert peak_db < 17.0
    # If a resonance decayed more slowly than the rest, the end of the decay curve would be too flat.
    assert decay_time_s(sound, RATE_HZ, -40.0, -60.0) == pytest.approx(decay_s, rel=0.03)


def test_width_goes_from_mono_to_sides_that_differ() -> None:
    correlations = [
        _correlation(impulse_response(ReverbConfig(width=width), 1.5)[8820:]) for width in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert correlations[0] == pytest.approx(1.0)
    assert abs(correlations[-1]) < 0.1
    assert correlations == sorted(correlations, reverse=True)
    levels = [(impulse_response(ReverbConfig(width=width), 1.5) ** 2).sum() for width in (0.0, 1.0)]
    assert levels[0] == pytest.approx(levels[1], rel=0.12)


def test_a_sound_on_one_side_is_first_heard_more_on_this_side() -> None:
    early = impulse_response(ReverbConfig(), 0.06, sides=(1.0, 0.0))
    left, right = (early**2).sum(axis=0)
    assert left > 1.5 * right


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 192000])
def test_the_room_answers_after_the_pre_delay_and_one_cell(rate_hz: int) -> None:
    for pre_delay_s in (0.0, 0.02, 0.25):
        sound = impulse_response(ReverbConfig(pre_delay_s=pre_delay_s), 0.4, rate_hz)
        first_s = np.flatnonzero(np.abs(sound).max(axis=1) > 1e-5)[0] / rate_hz
        assert pre_delay_s < first_s < pre_delay_s + 0.009


@pytest.mark.parametrize("rate_hz", [8000, 22050, 96000, 192000])
def test_a_room_sounds_alike_at_any_sample_rate(rate_hz: int) -> None:
    settings = ReverbConfig(size_m=12.0, decay_s=0.8)
    sound = np.hstack([impulse_response(settings, 1.4, rate_hz, sides) for sides in ((1.0, 0.0), (0.0, 1.0))])
    assert decay_time_s(in_band(sound, 1000.0, rate_hz), rate_hz) == pytest.approx(0.8, rel=0.1)
    assert (sound**2).sum() == pytest.approx(1.5, rel=0.3)


def test_a_full_send_is_about_as_loud_as_the_sound() -> None:
    for settings in (ReverbConfig(), ReverbConfig(size_m=5.0, decay_s=0.4), ReverbConfig(size_m=40.0, decay_s=9.0)):
        energy = (in_band(impulse_response(settings, 1.2 * settings.decay_s), 1000.0, RATE_HZ) ** 2).sum()
        sent = np.zeros((RATE_HZ, 2))
        sent[RATE_HZ // 2] = 1.0
        assert 10.0 * np.log10(energy / (in_band(sent, 1000.0, RATE_HZ) ** 2).sum()) == pytest.approx(0.0, abs=2.5)


def test_the_turning_matrix_keeps_energy_at_points_and_never_adds_any() -> None:
    turning = RoomTurning(RATE_HZ, 128)
    for number, end in ((0, 1.5), (8, 1.5), (11, 1.4), (12, 1.5), (10**9 * 8, 1.5), (10**9 + 5, 1.5)):
        matrix = turning.matrices(number, 1.5, end).astype(np.float64)
        for share in (0.0, 0.5, 1.0):
            gains = np.linalg.svd(matrix[:, :16] + share * matrix[:, 16:], compute_uv=False)
            assert gains.max() < 1.0 + 1e-6
            assert gains.min() > 0.995
    for largest, end in ((0.8, 0.8), (0.8, 0.9)):
        for number in (10, 15):
            before, after = turning.matrices(number, largest, end).copy(), turning.matrices(number + 1, end, end)
            assert np.allclose(before[:, :16] + before[:, 16:], after[:, :16], atol=1e-6)
    assert np.allclose(hadamard(16) @ hadamard(16).T, np.eye(16))


def test_the_turning_adds_nothing_far_from_a_steady_tone() -> None:
    time_s = np.arange(3 * RATE_HZ) / RATE_HZ
    sent = np.repeat(np.sin(2.0 * np.pi * 1000.0 * time_s)[:, None], 2, axis=1).astype(np.float32)
    wet = np.zeros_like(sent)
    Reverb(RATE_HZ, ReverbConfig(decay_s=1.0)).add(0, wet, sent)
    steady = wet[-RATE_HZ:, 0].astype(np.float64)
    power = np.abs(np.fft.rfft(steady * np.blackman(len(steady)))) ** 2
    frequencies = np.fft.rfftfreq(len(steady), 1.0 / RATE_HZ)
    near = np.abs(frequencies - 1000.0) < 100.0
    level = 10.0 * np.log10(power[~near].sum() / power[near].sum())
    assert level < -75.0


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22049, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("settings", [*ROOMS, ReverbConfig(size_m=5.0), ReverbConfig(size_m=50.0, pre_delay_s=0.25)])
def test_no_delay_is_shorter_than_a_cell_or_longer_than_its_ring(settings: ReverbConfig, rate_hz: int) -> None:
    room, (line, scattering, tap) = design(settings, rate_hz), longest_frames(rate_hz)
    assert cell_frames(rate_hz) <= room.lines.min()
    assert cell_frames(rate_hz) <= room.taps.min()
    assert min(room.first.min(), room.second.min()) >= 0
    assert room.lines.max() <= line
    assert max(room.first.max(), room.second.max()) <= scattering
    assert room.taps.max() <= tap
    assert len(set(room.lines)) == len(room.lines)
