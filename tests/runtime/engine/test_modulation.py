"""Each source of modulation moves its target at the set rate and depth."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.mel_bands import N_BANDS, band_centres_hz, band_weights, mel
from runtime.acoustics.pitch import note_to_hz
from runtime.config import Adsr
from runtime.events import Aftertouch, Clock, ControlChange, Event, NoteOff, PitchWheel, PolyTouch
from runtime.sound.motion import DelayedEnvelope, Lfo, Modulation
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from runtime.sound.trajectory.trajectory import Trajectory, checked
from runtime.sound.trajectory.use import PlayedTrajectory
from tests.support.heard_harmonics import RATE_HZ, component, play_sound, track
from tests.support.playing import parameter

NOTE = 60
FUNDAMENTAL_HZ = float(note_to_hz(NOTE))
EDGE = RATE_HZ // 10  # at each end of a result of `track`, this many values are not valid
DURATION_S = 3.2
HOP_HZ = RATE_HZ / 1024.0
WIDTH_HZ = 100.0


def lfo_at(frames: np.ndarray, rate_hz: float) -> np.ndarray:
    """The values of a sine LFO at these frames; the LFO starts at frame 0."""
    return np.sin(2.0 * np.pi * rate_hz / RATE_HZ * frames)


def moved_by_lfo(target: str, amount: float, lfo: Lfo, **fields) -> np.ndarray:
    """The sound of a note while an LFO moves a target.

    fields: further fields of Sound.
    """
    sound = Sound(lfo_1=lfo, modulation=(Modulation("lfo_1", target, amount),), **fields)
    return play_sound(sound, NOTE, max(DURATION_S, 3.2 / (lfo.rate_hz or 1.0)))


def rate_of(values: np.ndarray, middle: float) -> float:
    """How often per second the values rise through `middle`."""
    rises = np.flatnonzero((values[:-1] < middle) & (values[1:] >= middle))
    rises = rises + (middle - values[rises]) / (values[rises + 1] - values[rises])
    return float((len(rises) - 1) / (rises[-1] - rises[0]) * RATE_HZ)


def assert_follows(values: np.ndarray, expected: np.ndarray, rate_hz: float, rel: float) -> None:
    """Assert that the rate of `values` is within 0.5 % of rate_hz, and that they move as far as `expected`.

    rel: how far their depth may be off, as a share of the expected depth.
    """
    assert rate_of(values, float(expected.mean())) == pytest.approx(rate_hz, rel=0.005)
    depths = [abs(component(each, rate_hz)) for each in (values, expected)]
    assert depths[0] == pytest.approx(depths[1], rel=rel)


@pytest.mark.parametrize("rate_hz", [0.5, 2.0, 5.3, 10.0, 20.0])
@pytest.mark.parametrize("target", ["level", "pan"])
def test_level_and_pan_follow_an_lfo(target: str, rate_hz: float) -> None:
    lfo = Lfo(rate_hz=rate_hz, phase="note")
    depth = {"level": 6.0, "pan": 0.5}[target]
    heard = moved_by_lfo(target, {"level": 0.125, "pan": 0.5}[target], lfo)
    left, right = (track(side, FUNDAMENTAL_HZ, WIDTH_HZ)[EDGE:-EDGE] for side in heard.T)
    if target == "level":
        plain = play_sound(Sound(), NOTE, 1.0)[:, 0]
        values = 20.0 * np.log10(left / track(plain, FUNDAMENTAL_HZ, WIDTH_HZ)[EDGE:-EDGE].mean())
    else:
        values = np.arctan2(right, left) / (np.pi / 4.0) - 1.0
    assert_follows(values, depth * lfo_at(np.arange(len(heard)), rate_hz)[EDGE:-EDGE], rate_hz, 0.05)


def test_a_note_with_moving_spectra_can_be_bent_by_four_octaves() -> None:
    """After this bend, a crossfade between spectra is longer than half the ring of dense samples."""
    sound = Sound(lfo_1=Lfo(rate_hz=3.0), modulation=(Modulation("lfo_1", "tilt", 0.2),))
    wheel = [(100, PitchWheel(0, 100)), (9000, PitchWheel(0, 8191))]
    heard = play_sound(sound, 48, 1.0, events=[*((0, event) for event in parameter(0, 0, 48)), *wheel])
    bent = heard[-RATE_HZ // 2 :, 0] * np.hanning(RATE_HZ // 2)
    assert 2.0 * np.argmax(np.abs(np.fft.rfft(bent))) == pytest.approx(note_to_hz(48 + 48), abs=3.0)


def latent_gain(position: np.ndarray, harmonic: int) -> np.ndarray:
    """A harmonic's amplitude in the saw instrument at these positions of the first knob.

    The instrument is equally loud at all positions.
    """
    number = np.arange(1, 41)
    amplitudes = number ** -(0.5 + position[:, None])
    weights = np.maximum(k_weighting(number * FUNDAMENTAL_HZ), 0.4)
    return amplitudes[:, harmonic - 1] / np.sqrt((np.square(amplitudes) * weights).sum(axis=1))


def expected_gain(target: str, amount: float, harmonic: int, lfo: np.ndarray) -> np.ndarray:
    """The gain that a harmonic should have while an LFO moves a target. It follows from the target's definition."""
    frequency_hz = harmonic * FUNDAMENTAL_HZ
    if target == "tilt":
        return 10.0 ** (12.0 * amount * lfo * np.log2(frequency_hz / 1000.0) / 20.0)
    if target == "filter.cutoff":
        return (1.0 + (frequency_hz / (CUTOFF_HZ * 2.0 ** (8.0 * amount * lfo))) ** 8.0) ** -0.5
    places = np.linspace(0.5 - amount, 0.5 + amount, 65)
    gains = latent_gain(places, harmonic) / latent_gain(np.array([0.5]), harmonic)
    return np.interp(0.5 + amount * lfo, places, gains)


CUTOFF_HZ = 1600.0
# Target, amount, harmonic.
SPECTRAL = [("filter.cutoff", 0.05, 8), ("filter.cutoff", 0.125, 6), ("tilt", 0.5, 2), ("tilt", 0.25, 12),
            ("latent.latent 1", 0.4, 1), ("latent.latent 1", 0.4, 12)]  # fmt: skip


@pytest.mark.parametrize(("target", "amount", "harmonic"), SPECTRAL)
@pytest.mark.parametrize("rate_hz", [2.0, 6.0, 10.0])
def test_spectra_follow_an_lfo_and_leave_no_trace_of_the_hops(
    target: str, amount: float, harmonic: int, rate_hz: float
) -> None:
    filtered = {"filter": Filter(type="low", cutoff_hz=CUTOFF_HZ)} if target == "filter.cutoff" else {}
    heard = moved_by_lfo(target, amount, Lfo(rate_hz=rate_hz, phase="note"), **filtered)[:, 0]
    plain = play_sound(Sound(), NOTE, 1.0)[:, 0]
    level = track(plain, harmonic * FUNDAMENTAL_HZ, WIDTH_HZ)[EDGE:-EDGE].mean()
    gain = track(heard, harmonic * FUNDAMENTAL_HZ, WIDTH_HZ)[EDGE:-EDGE] / level
    expected = expected_gain(target, amount, harmonic, lfo_at(np.arange(len(heard)), rate_hz))[EDGE:-EDGE]
    assert_follows(gain, expected, rate_hz, 0.05 if rate_hz <= 6.0 else 0.1)
    carrier = abs(component(gain, 0.0)) / 2.0
    for image_hz in (n * HOP_HZ + sign * rate_hz for n in (1, 2) for sign in (-1.0, 0.0, 1.0)):
        found, wanted = (abs(component(values, image_hz)) / 2.0 for values in (gain, expected))
        assert 20.0 * np.log10(max(found - wanted, 1e-9) / carrier) < -40.0, image_hz


# Plucks

PLUCK = Sound(filter=Filter(type="low", cutoff_hz=300.0, envelope_octaves=5.0))


def mel_levels_db(sound: np.ndarray) -> np.ndarray:
    """Level of each mel band in the first 60 ms, in dB: (N_BANDS,)."""
    n = round(0.06 * RATE_HZ)
    power = np.square(np.abs(np.fft.rfft(sound[:n] * np.hanning(n))))
    return 10.0 * np.log10(band_weights(np.fft.rfftfreq(n, 1.0 / RATE_HZ)) @ power + 1e-12)


@pytest.mark.parametrize("decay_s", [0.1, 0.2, 0.3])
def test_a_pluck_sounds_alike_wherever_in_a_hop_it_begins(decay_s: float) -> None:
    sound = msgspec.structs.replace(PLUCK, envelope_2=DelayedEnvelope(decay_s=decay_s))
    levels_db = []
    for at in np.random.default_rng(1).integers(0, 4096, 50).tolist():
        heard = play_sound(sound, 48, (at + 3000) / RATE_HZ, at=at, volume_db=-10.0)
        levels_db.append(mel_levels_db(heard[at:, 0]))
    levels_db = np.array(levels_db)
    audible = (levels_db > levels_db.max() - 40.0).any(axis=0)
    assert audible.sum() > 10
    assert np.ptp(levels_db[:, audible], axis=0).max() <= 1.0


# Sources of modulation: each moves the level, which is measured


def level_added_db(source: str, *events: tuple[int, Event], velocity: int = 100, note: int = NOTE, **fields) -> float:
    """How many dB a source with the amount -0.5 adds to the level, measured 0.3 s after the note's start."""

    def level(modulation: tuple[Modulation, ...]) -> float:
        sound = Sound(modulation=modulation, **fields)
        heard = play_sound(sound, note, 0.6, events=events, velocity=velocity, envelope=LONG)[:, 0]
        return 20.0 * np.log10(track(heard, float(note_to_hz(note)), 20.0)[round(0.3 * RATE_HZ)])

    return level((Modulation(source, "level", -0.5),)) - level(())


LONG = Adsr(attack_s=0.0, release_s=5.0)


@pytest.mark.parametrize(
    ("source", "events", "value"),
    [
        ("mod_wheel", [ControlChange(0, 1, 64)], 64 / 127),
        ("expression", [ControlChange(0, 11, 32)], 32 / 127),
        ("expression", [], 1.0),
        ("pressure", [Aftertouch(0, 100)], 100 / 127),
        ("pressure", [PolyTouch(0, NOTE, 50)], 50 / 127),
        ("pressure", [Aftertouch(0, 100), PolyTouch(0, NOTE, 50)], 1.0),
        ("cc_20", [ControlChange(0, 20, 90)], 90 / 127),
        ("cc_64", [ControlChange(0, 64, 127)], 1.0),
    ],
)
def test_a_control_is_a_source(source: str, events: list[Event], value: float) -> None:
    found_db = level_added_db(source, *((0, event) for event in events))
    assert found_db == pytest.approx(-24.0 * value, abs=0.3)


def test_velocity_and_key_are_sources() -> None:
    for velocity in (1, 64, 127):
        assert level_added_db("velocity", velocity=velocity) == pytest.approx(-24.0 * velocity / 127, abs=0.3)
    for note in (48, 60, 72, 84):
        assert level_added_db("key", note=note) == pytest.approx(-24.0 * (note - 60) / 60, abs=0.3)


def test_the_velocity_of_a_release_is_a_source() -> None:
    assert level_added_db("release_velocity", (4410, NoteOff(0, NOTE, 90))) == pytest.approx(-24.0 * 90 / 127, abs=0.5)
    assert level_added_db("release_velocity") == pytest.approx(0.0, abs=0.05)


def test_two_sources_are_multiplied_and_a_curve_bends() -> None:
    def added_db(**fields) -> float:
        sound = Sound(modulation=(Modulation("cc_20", "level", -0.5, **fields),))
        heard = play_sound(sound, NOTE, 0.6, events=[(0, ControlChange(0, 20, 64)), (0, ControlChange(0, 21, 32))])
        plain = play_sound(Sound(), NOTE, 0.6)
        both = [track(each[:, 0], FUNDAMENTAL_HZ, 20.0)[round(0.3 * RATE_HZ)] for each in (heard, plain)]
        return 20.0 * np.log10(both[0] / both[1])

    assert added_db(scaled_by="cc_21") == pytest.approx(-24.0 * 64 / 127 * 32 / 127, abs=0.2)
    assert added_db(curve=1.0) == pytest.approx(-24.0 * (64 / 127) ** 4, abs=0.2)
    assert added_db(curve=-1.0) == pytest.approx(-24.0 * (64 / 127) ** 0.25, abs=0.2)


# An envelope that moves the level, and an LFO on a clock that moves the pan


def test_envelope_2_is_heard_as_its_formula() -> None:
    envelope = DelayedEnvelope(
        delay_s=0.1, attack_s=0.2, hold_s=0.1, decay_s=0.3, sustain=0.4, release_s=0.3, curve=0.0
    )
    sound = Sound(envelope_2=envelope, modulation=(Modulation("envelope_2", "level", -0.5),))
    heard = play_sound(sound, NOTE, 2.0, events=[(RATE_HZ, NoteOff(0, NOTE))], envelope=LONG)[:, 0]
    plain = play_sound(Sound(), NOTE, 2.0, events=[(RATE_HZ, NoteOff(0, NOTE))], envelope=LONG)[:, 0]
    found_db = 20.0 * np.log10(track(heard, FUNDAMENTAL_HZ, 60.0) / track(plain, FUNDAMENTAL_HZ, 60.0))
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    expected = np.interp(time_s, [0.1, 0.3, 0.4, 0.7, 1.0, 1.3], [0.0, 1.0, 1.0, 0.4, 0.4, 0.0])
    assert np.abs(found_db + 24.0 * expected)[EDGE:-EDGE].max() < 0.6


def test_an_lfo_in_beats_follows_a_clock_that_jitters() -> None:
    """The tempo is 120 bpm until a clock of 100 bpm begins. Its messages are up to 1 ms early or late."""
    random, n_clocks, first = np.random.default_rng(4), 24 * 8, RATE_HZ // 2
    times = first + np.arange(n_clocks) * RATE_HZ * 0.6 / 24.0 + random.uniform(-0.001, 0.001, n_clocks) * RATE_HZ
    sound = Sound(lfo_1=Lfo(beats=1.0, phase="free"), modulation=(Modulation("lfo_1", "pan", 0.5),))
    clocks = [(round(at), Clock()) for at in times]
    heard = play_sound(sound, NOTE, (first + n_clocks * RATE_HZ * 0.025) / RATE_HZ, events=clocks)
    left, right = (track(side, FUNDAMENTAL_HZ, WIDTH_HZ)[EDGE:-EDGE] for side in heard.T)
    values = (np.arctan2(right, left) / (np.pi / 4.0) - 1.0) / 0.5
    beats = (np.arange(len(heard)) - first)[EDGE:-EDGE] / (0.6 * RATE_HZ)
    expected = np.sin(2.0 * np.pi * beats)[RATE_HZ + 5000 :]
    settled = values[RATE_HZ + 5000 :]
    rises = [np.flatnonzero((each[:-1] < 0.0) & (each[1:] >= 0.0)) for each in (settled, expected)]
    assert len(rises[0]) == len(rises[1]) >= 6
    assert np.abs(rises[0] - rises[1]).max() < 0.05 * 0.6 * RATE_HZ
    # The values move no faster than an LFO at twice the tempo.
    assert np.abs(np.diff(values)).max() < 2.0 * np.pi * 2.0 / 0.6 / RATE_HZ


# A trajectory


def test_a_trajectory_is_followed() -> None:
    """The trajectory's level falls by 24 dB in 2 s. Its colour becomes a tilt of -3 dB per octave around 1 kHz."""
    n_hops, step_s = 101, 0.02
    share = np.linspace(0.0, 1.0, n_hops)[:, None]
    slope_db = -3.0 * np.log2(band_centres_hz() / 1000.0)
    path = checked(
        Trajectory(
            step_s=step_s, knobs=(), latents=np.zeros((n_hops, 0)), colour_db=share * slope_db,
            level_db=np.linspace(0.0, -24.0, 401), plays_once=True,
        ),
        "test",
    )  # fmt: skip
    heard = play_sound(Sound(), NOTE, 2.2, trajectories=(PlayedTrajectory(path),))[:, 0]
    plain = play_sound(Sound(), NOTE, 2.2)[:, 0]
    number = np.arange(1, 31)
    places = np.interp(mel(number * FUNDAMENTAL_HZ), mel(band_centres_hz()), np.arange(N_BANDS))
    tracks = [np.array([track(each, k * FUNDAMENTAL_HZ, WIDTH_HZ) for k in number]) for each in (heard, plain)]
    for time_s in np.arange(0.2, 2.0, 0.1):
        at = round(time_s * RATE_HZ)
        gains_db = 20.0 * np.log10(tracks[0][:, at] / tracks[1][:, at])
        expected_db = -12.0 * time_s + 0.5 * time_s * np.interp(places, np.arange(N_BANDS), slope_db)
        assert np.abs(gains_db - expected_db).max() <= 0.5
        found, wanted = (
            np.average(number, weights=np.square(tracks[1][:, at] * 10.0 ** (each / 20.0)))
            for each in (gains_db, expected_db)
        )
        assert found == pytest.approx(wanted, rel=0.05)
