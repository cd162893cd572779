"""Envelopes and LFOs, as sources of modulation, follow their formulas."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from runtime.config import Adsr
from runtime.engine.voices.modulation.notes_table import NotesTable
from runtime.engine.voices.modulation.sources import Moment, Sources
from runtime.engine.voices.modulation.tempo import CLOCKS_PER_BEAT, Tempo
from runtime.sound.motion import DelayedEnvelope, Lfo
from runtime.sound.sound import Sound

RATE = 48000
N_LANES = 4


class Note(NamedTuple):
    lane: int
    channel: int = 0
    note: int = 60


class Played:
    """A sound's sources of modulation; `start` begins a note for them."""

    def __init__(self, sound: Sound, envelope: Adsr = Adsr()):
        self.table, self.tempo = NotesTable(N_LANES, 5), Tempo(sound.tempo_bpm, RATE)
        self.table.tempo = self.tempo
        self.sources = Sources(sound, envelope, self.table, self.tempo, lambda _name, _note: 0.5, RATE)
        self.n_notes = 0

    def start(self, lane: int, time_s: float, note: int = 60, velocity: int = 100) -> None:
        self.table.start(lane, round(time_s * RATE), self.n_notes, note, velocity)
        self.n_notes += 1

    def values(self, source: str, times_s: np.ndarray, lanes: tuple[int, ...] = (0,), spacing: int = 0) -> np.ndarray:
        """The source's values, (n_lanes, n_times). spacing: as `spacing_frames` in `Moment`."""
        frames = np.round(np.asarray(times_s) * RATE).astype(np.float64)
        values = self.sources.values(source, Moment([Note(lane) for lane in lanes], np.array(lanes), frames, spacing))
        return np.broadcast_to(values, (len(lanes), len(frames)))


TIMES_S = np.arange(0.0, 3.0, 0.01)


def ramp(x: np.ndarray, curve: float) -> np.ndarray:
    """A mixture of a straight line and a cubic; abs(curve) is the cubic's share."""
    x = np.clip(x, 0.0, 1.0)
    return (1.0 - abs(curve)) * x + abs(curve) * (1.0 - (1.0 - x) ** 3 if curve > 0.0 else x**3)


@pytest.mark.parametrize("curve", [-1.0, -0.3, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("held_s", [0.05, 0.25, 0.5, 2.0])
def test_an_envelope_is_its_formula(curve: float, held_s: float) -> None:
    fields = {"attack_s": 0.2, "hold_s": 0.15, "decay_s": 0.5, "sustain": 0.3, "release_s": 0.4, "curve": curve}
    for source, delay_s in (("envelope", 0.0), ("envelope_2", 0.1)):
        played = Played(Sound(envelope_2=DelayedEnvelope(delay_s=delay_s, **fields)), Adsr(**fields))
        played.start(0, 0.0)
        played.table.release(0, round(held_s * RATE))

        def held(time_s: np.ndarray, delay_s: float = delay_s) -> np.ndarray:
            rise = ramp((time_s - delay_s) / 0.2, curve)
            return rise - 0.7 * ramp((time_s - delay_s - 0.35) / 0.5, curve)

        level = held(np.minimum(TIMES_S, held_s))
        expected = level * (1.0 - ramp((TIMES_S - held_s) / 0.4, curve))
        assert np.allclose(played.values(source, TIMES_S)[0], expected, atol=1e-4)


def test_stages_of_no_length_are_steps() -> None:
    played = Played(Sound(envelope_2=DelayedEnvelope(delay_s=0.5, decay_s=0.0, sustain=0.25, release_s=0.0)))
    played.start(0, 0.0)
    played.table.release(0, RATE)
    found = played.values("envelope_2", np.array([0.0, 0.49, 0.5, 0.9, 1.0, 1.5]))[0]
    assert found.tolist() == [0.0, 0.0, 0.25, 0.25, 0.0, 0.0]


SHAPES = {
    "sine": lambda x: np.sin(2.0 * np.pi * x),
    "triangle": lambda x: np.interp(x % 1.0, [0.0, 0.25, 0.75, 1.0], [0.0, 1.0, -1.0, 0.0]),
    "saw": lambda x: np.interp(x % 1.0, [0.0, 0.4999999, 0.5, 1.0], [0.0, 1.0, -1.0, 0.0]),
    "square": lambda x: np.where(x % 1.0 < 0.5, 1.0, -1.0),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_wave_has_its_shape(shape: str) -> None:
    played = Played(Sound(lfo_1=Lfo(shape=shape, rate_hz=1.7, phase="note"), lfo_2=Lfo(shape=shape)))
    played.start(0, 0.3)
    found = played.values("lfo_1", TIMES_S + 0.3)[0]
    assert np.allclose(found, SHAPES[shape](TIMES_S * 1.7), atol=1e-3)
    assert np.allclose(played.values("lfo_2", TIMES_S + 0.003)[0], SHAPES[shape]((TIMES_S + 0.003) * 5.0), atol=1e-3)


def test_random_waves_change_once_a_cycle_and_smooth_ones_never_jump() -> None:
    sound = Sound(lfo_1=Lfo(shape="random", rate_hz=10.0), lfo_2=Lfo(shape="smooth_random", rate_hz=10.0))
    played = Played(sound)
    played.start(0, 0.0)
    times_s = np.arange(0.0005, 20.0, 0.001)
    steps, smooth = (played.values(name, times_s)[0] for name in ("lfo_1", "lfo_2"))
    assert np.count_nonzero(np.diff(steps)) == 199
    assert -1.0 <= steps.min() < -0.8
    assert 0.8 < steps.max() <= 1.0
    assert np.abs(np.diff(smooth)).max() < 2.0 * 1.5 * 10.0 * 0.001 + 1e-6
    assert np.ptp(smooth) > 1.6
    assert abs(np.corrcoef(steps, smooth)[0, 1]) < 0.5


def test_phase_note_begins_with_each_note_and_free_runs_on() -> None:
    for phase, apart in (("note", True), ("free", False)):
        played = Played(Sound(lfo_1=Lfo(rate_hz=1.0, phase=phase)))
        played.start(0, 0.0)
        played.start(1, 0.25)
        first, second = played.values("lfo_1", TIMES_S + 1.0, (0, 1))
        assert np.allclose(first, np.sin(2.0 * np.pi * TIMES_S), atol=1e-6)
        assert np.allclose(first, second) is not apart


def test_per_voice_gives_each_note_a_place_of_its_own() -> None:
    played = Played(Sound(lfo_1=Lfo(rate_hz=1.0, per_voice=True)))
    for lane in range(N_LANES):
        played.start(lane, 0.0)
    waves = played.values("lfo_1", TIMES_S, tuple(range(N_LANES)))
    phases = np.angle(np.fft.fft(waves[:, :100], axis=1)[:, 1])
    assert np.abs(np.diff(np.sort(phases))).min() > 0.01
    assert np.allclose(np.ptp(waves, axis=1), 2.0, atol=0.01)


def test_delay_and_fade_in_are_counted_from_the_note_s_start() -> None:
    played = Played(Sound(lfo_1=Lfo(rate_hz=4.0, delay_s=0.5, fade_in_s=1.0), lfo_2=Lfo(rate_hz=4.0, delay_s=0.5)))
    played.start(0, 1.0)
    wave = np.sin(2.0 * np.pi * 4.0 * (TIMES_S + 1.0))
    assert np.allclose(played.values("lfo_1", TIMES_S + 1.0)[0], wave * np.clip(TIMES_S - 0.5, 0.0, 1.0), atol=1e-6)
    assert np.allclose(played.values("lfo_2", TIMES_S + 1.0)[0], wave * (TIMES_S >= 0.5), atol=1e-6)


def test_a_source_scales_an_lfo() -> None:
    played = Played(Sound(lfo_1=Lfo(depth_from="velocity"), lfo_2=Lfo(depth_from="lfo_1")))
    played.start(0, 0.0, velocity=64)
    wave = np.sin(2.0 * np.pi * 5.0 * TIMES_S)
    assert np.allclose(played.values("lfo_1", TIMES_S)[0], wave * 64 / 127, atol=1e-6)
    assert np.allclose(played.values("lfo_2", TIMES_S)[0], wave**2 * 64 / 127, atol=1e-6)


# Tests of LFO rates that change while notes sound


def wave_of(rates: list[tuple[float, float]], times_s: np.ndarray, start_s: float) -> np.ndarray:
    """A sine whose phase is 0 at start_s; the phase is summed over small steps of time. Returns its values at times_s.

    rates: the sine's rates, each as (time in s, rate in Hz from then on).
    """
    step_s = 1.0 / 8000.0
    grid = np.arange(0.0, 4.0, step_s)
    rate = np.array(rates)[np.searchsorted([at for at, _ in rates], grid, "right") - 1, 1]
    cycles = np.concatenate(([0.0], np.cumsum(rate * step_s)))[:-1]
    return np.sin(2.0 * np.pi * (np.interp(times_s, grid, cycles) - np.interp(start_s, grid, cycles)))


@pytest.mark.parametrize("phase", ["note", "free"])
def test_a_rate_that_is_moved_gives_no_jump(phase: str) -> None:
    """Notes begin before and between changes of the rate, and one note is played legato."""
    played = Played(Sound(lfo_1=Lfo(rate_hz=2.0, phase=phase), lfo_2=Lfo(rate_hz=2.0, phase=phase)))
    rates = [(0.0, 2.0), (0.4, 0.5), (1.1, 7.0), (1.6, 3.0)]
    starts_s = {0: 0.1, 1: 0.9, 2: 1.3}
    changes = [(at, "rate", rate) for at, rate in rates[1:]] + [(at, "note", lane) for lane, at in starts_s.items()]
    unmoved = played.values("lfo_2", TIMES_S)[0]
    for at_s, kind, what in sorted(changes):
        frame = round(at_s * RATE)
        if kind == "note":
            played.start(what, at_s)
            continue
        lanes = tuple(lane for lane, start_s in starts_s.items() if start_s < at_s)
        before = played.values("lfo_1", np.array([at_s]), lanes)
        played.sources.set_rate("lfo_1", what, frame)
        assert played.values("lfo_1", np.array([at_s]), lanes) == pytest.approx(before, abs=1e-9)
    played.table.continue_from(3, 0)
    later_s = np.arange(1.7, 3.0, 0.01)
    waves = played.values("lfo_1", later_s, (0, 1, 2, 3))
    for lane, start_s in {**starts_s, 3: starts_s[0]}.items():
        expected = wave_of(rates, later_s, start_s if phase == "note" else 0.0)
        assert np.allclose(waves[lane], expected, atol=0.02), lane
    if phase == "free":
        assert np.array_equal(played.values("lfo_2", TIMES_S)[0], unmoved)


def test_an_lfo_that_keeps_time_keeps_it() -> None:
    played = Played(Sound(lfo_1=Lfo(beats=1.0)))
    before = played.values("lfo_1", TIMES_S)
    played.sources.set_rate("lfo_1", 9.0, RATE)
    assert np.array_equal(played.values("lfo_1", TIMES_S), before)


def test_what_was_held_keeps_its_rate() -> None:
    played = Played(Sound(lfo_1=Lfo(rate_hz=2.0)))
    frames = np.round(TIMES_S * RATE)
    for rate_hz in (3.0, 5.0):
        held = played.sources.hold((), Note(0))
        moment = Moment([Note(0)], np.array([0]), frames, held=held)
        before = played.sources.values("lfo_1", moment)
        played.sources.set_rate("lfo_1", rate_hz, RATE)
        assert np.array_equal(played.sources.values("lfo_1", moment), before)


@pytest.mark.parametrize("rate_hz", [1.0, 5.0, 10.0, 20.0])
def test_points_joined_by_lines_keep_the_depth_of_a_sine(rate_hz: float) -> None:
    spacing = 512
    played = Played(Sound(lfo_1=Lfo(rate_hz=rate_hz)))
    played.start(0, 0.0)
    frames = np.arange(0, 4 * RATE, spacing)
    points = played.values("lfo_1", frames / RATE, spacing=spacing)[0]
    every = np.arange(2 * RATE)
    line = np.interp(every, frames, points)
    depth = 2.0 * np.abs(np.mean(line * np.exp(-2j * np.pi * rate_hz * every / RATE)))
    assert depth == pytest.approx(1.0, rel=0.005 if rate_hz <= 10.0 else 0.05)


# Tempo


@pytest.mark.parametrize("phase", ["note", "free"])
def test_beats_follow_a_jittering_clock_without_a_jump(phase: str) -> None:
    played = Played(Sound(lfo_1=Lfo(shape="saw", beats=4.0, phase=phase), tempo_bpm=97.0))
    played.start(0, 0.0)
    random, beat_s = np.random.default_rng(2), 0.5
    clocks_s = 1.0 + np.arange(24 * 60) * beat_s / CLOCKS_PER_BEAT + random.uniform(-0.001, 0.001, 24 * 60)
    before, errors, jumps = None, [], []
    first_beats = float(played.tempo.beats_at(RATE))
    for number, time_s in enumerate(clocks_s):
        frame = round(time_s * RATE)
        waiting = played.values("lfo_1", np.array([frame / RATE]))[0, 0]
        played.tempo.clock(frame)
        now = played.values("lfo_1", np.array([frame / RATE]))[0, 0]
        jumps.append(abs(now - waiting))
        beats = float(played.tempo.beats_at(frame))
        assert before is None or beats >= before
        before = beats
        if number > 48:
            errors.append(beats - number / CLOCKS_PER_BEAT)
    assert max(jumps) < 1e-9
    assert np.ptp(errors) < 0.05
    assert abs(np.mean(errors) - round(first_beats * CLOCKS_PER_BEAT) / CLOCKS_PER_BEAT) < 0.05


def test_a_sound_s_tempo_counts_until_a_clock_comes() -> None:
    tempo = Tempo(120.0, RATE)
    assert tempo.beats_at(RATE) == pytest.approx(2.0)
    tempo.set_bpm(60.0, RATE)
    assert tempo.beats_at(3 * RATE) == pytest.approx(4.0)
    for number in range(48):
        tempo.clock(3 * RATE + number * 1000)  # 120 bpm
    tempo.set_bpm(200.0, 3 * RATE + 47000)
    assert tempo.beats_at(3 * RATE + 48000) == pytest.approx(6.0, abs=0.01)


def test_a_clock_that_stops_and_starts_again_does_not_jump() -> None:
    tempo, frame = Tempo(120.0, RATE), 0
    for pause in [1000] * 48 + [5 * RATE] + [1000] * 48:
        frame += pause
        before = tempo.beats_at(frame)
        tempo.clock(frame)
        assert tempo.beats_at(frame) == before
    later = tempo.beats_at(frame + 24000) - tempo.beats_at(frame)
    assert later == pytest.approx(1.0, abs=0.05)
