"""The beat found in a MIDI clock is close to the true beat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from runtime.engine.voices.modulation.tempo import BeatLine, Tempo

RATE = 44100
CLOCKS_PER_BEAT = 24
FIRST_S = 1.0


def jittered(kind: str, size_s: float, n: int, seed: int = 0) -> np.ndarray:
    """Random delays of n messages, in s; a message with a delay below 0 is early.

    size_s: for `normal`, the standard deviation; for `uniform`, the largest error.
    """
    random = np.random.default_rng(seed)
    draw = {"normal": random.normal, "uniform": random.uniform}[kind]
    return draw(0.0 if kind == "normal" else -size_s, size_s, n)


def steady(bpm: float, n: int) -> np.ndarray:
    return FIRST_S + np.arange(n) * 60.0 / bpm / CLOCKS_PER_BEAT


class Heard(NamedTuple):
    """The beats that a Tempo finds.

    time_s: the times at which the Tempo was asked.
    beats: the beat that it found at each time.
    late_s: the true time of each of these beats, minus `time_s`; more than 0 if the Tempo is ahead.
    """

    time_s: np.ndarray
    beats: np.ndarray
    late_s: np.ndarray

    def worst_s(self, first_s: float, end_s: float = np.inf) -> float:
        """The largest error, in s, of the beats from first_s to end_s."""
        return float(np.abs(self.late_s[(self.time_s >= first_s) & (self.time_s < end_s)]).max())


def follow(true_s: np.ndarray, heard_s: np.ndarray, own_bpm: float = 97.0, until_s: float = 0.0) -> Heard:
    """The beats that a Tempo finds from a start message and the messages of a clock.

    true_s: the true times of beats 0, 1/24, ...
    heard_s: the times of the clock messages.
    own_bpm: the tempo before the first clock message.
    until_s: the Tempo is asked up to this time, if this time is later than the final message.
    """
    tempo = Tempo(own_bpm, RATE)
    tempo.start()
    frames = np.round(np.sort(heard_s) * RATE).astype(int)
    times, beats = [], []
    for frame, end in zip(frames, [*frames[1:], max(frames[-1] + 1, round(until_s * RATE))], strict=True):
        tempo.clock(int(frame))
        span = np.arange(frame, end, 88)
        times.append(span / RATE)
        beats.append(tempo.line.beats_at(span.astype(np.float64)))
    time_s, found = np.concatenate(times), np.concatenate(beats)
    assert np.diff(found).min(initial=1.0) >= 0.0, "the beat runs backwards"
    late = np.interp(found, np.arange(len(true_s)) / CLOCKS_PER_BEAT, true_s) - time_s
    known = (time_s < true_s[-2]) & (found < (len(true_s) - 2) / CLOCKS_PER_BEAT)
    return Heard(time_s[known], found[known], late[known])


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize("seed", range(3))
def test_jitter_of_2_ms_leaves_the_beat_within_3_ms_for_five_minutes(kind: str, seed: int) -> None:
    true_s = steady(120.0, 5 * 120 * CLOCKS_PER_BEAT)
    heard = follow(true_s, true_s + jittered(kind, 0.002, len(true_s), seed))
    assert heard.worst_s(FIRST_S + 1.0) < 0.003  # the errors after beat 2; the first beat is beat 0
    assert heard.time_s[-1] > 300.0
    if kind == "uniform":
        assert heard.worst_s(FIRST_S + 1.0) < 0.0015


@pytest.mark.parametrize("bpm", [20.0, 60.0, 120.0, 240.0, 300.0])
@pytest.mark.parametrize("own_bpm", [20.0, 97.0, 300.0])
def test_it_locks_within_two_beats(bpm: float, own_bpm: float) -> None:
    true_s = steady(bpm, 8 * CLOCKS_PER_BEAT)
    heard = follow(true_s, true_s + jittered("uniform", 0.001, len(true_s)), own_bpm)
    assert heard.worst_s(FIRST_S + 2 * 60.0 / bpm) < 0.002


def change(before_bpm: float, after_bpm: float, jitter_s: float, seed: int) -> tuple[Heard, float]:
    """Follow a clock whose tempo changes after 10 beats; returns the beats found, and the time of the change in s."""
    periods = np.repeat(60.0 / CLOCKS_PER_BEAT / np.array([before_bpm, after_bpm]), 10 * CLOCKS_PER_BEAT)
    true_s = FIRST_S + np.concatenate(([0.0], np.cumsum(periods)))
    heard = follow(true_s, true_s + jittered("uniform", jitter_s, len(true_s), seed))
    return heard, float(true_s[10 * CLOCKS_PER_BEAT])


@pytest.mark.parametrize("after_bpm", [40.0, 60.0, 70.0, 80.0, 86.0, 100.0, 118.0, 123.0, 150.0, 180.0, 240.0, 300.0])
@pytest.mark.parametrize("jitter_s", [0.0, 0.001, 0.002])
def test_a_new_tempo_is_followed_within_one_and_a_half_beats(after_bpm: float, jitter_s: float) -> None:
    for seed in range(3):
        heard, changed_s = change(120.0, after_bpm, jitter_s, seed)
        assert heard.worst_s(changed_s + 1.5 * 60.0 / after_bpm) < 0.003


def test_a_ritardando_is_followed() -> None:
    bpm = np.concatenate((np.full(96, 140.0), np.geomspace(140.0, 70.0, 8 * CLOCKS_PER_BEAT), np.full(192, 70.0)))
    true_s = FIRST_S + np.concatenate(([0.0], np.cumsum(60.0 / CLOCKS_PER_BEAT / bpm)))
    heard = follow(true_s, true_s + jittered("uniform", 0.0005, len(true_s)))
    assert heard.worst_s(FIRST_S + 1.0) < 0.015
    assert heard.worst_s(float(true_s[96 + 8 * CLOCKS_PER_BEAT + 36])) < 0.003


@pytest.mark.parametrize("seed", range(4))
def test_lost_and_doubled_messages_do_not_move_the_beat(seed: int) -> None:
    random = np.random.default_rng(seed)
    true_s = steady(120.0, 40 * CLOCKS_PER_BEAT)
    heard_s = true_s + jittered("uniform", 0.001, len(true_s), seed)
    # The numbers of some messages. Some of these messages get lost, some come twice, and some come late.
    strange = 48 + 12 * np.arange(70) + random.integers(0, 8, 70)
    lost, twice = strange[random.random(70) < 0.5], random.choice(strange, 30)
    late = random.choice(strange, 5)
    heard_s[late] += 0.015
    messages = np.concatenate((np.delete(heard_s, lost), heard_s[twice] + 0.0015))
    assert follow(true_s, messages).worst_s(FIRST_S + 1.0) < 0.003


def test_a_clock_that_comes_from_two_ports_counts_once() -> None:
    true_s = steady(120.0, 20 * CLOCKS_PER_BEAT)
    both = np.concatenate((true_s, true_s + 0.0012))
    assert follow(true_s, both).worst_s(FIRST_S + 1.0) < 0.003


def test_when_the_clock_stops_its_tempo_goes_on() -> None:
    true_s = steady(120.0, 60 * CLOCKS_PER_BEAT)
    n = 20 * CLOCKS_PER_BEAT
    heard_s = true_s[:n] + jittered("uniform", 0.001, n)
    heard = follow(true_s, heard_s, until_s=20.0)
    assert heard.worst_s(FIRST_S + 1.0, FIRST_S + 10.0) < 0.003
    assert heard.worst_s(FIRST_S + 10.0) < 0.01  # 10 ms in nine seconds: the tempo is about 0.1 % off, or less


def test_a_clock_that_starts_again_does_not_jump_and_locks_again() -> None:
    tempo, frame = Tempo(120.0, RATE), RATE
    for pause in [900] * 100 + [3 * RATE] + [700] * 100:
        frame += pause
        before = tempo.beats_at(frame)
        tempo.clock(frame)
        assert tempo.beats_at(frame) == pytest.approx(before, abs=1e-9)
    assert tempo.beats_at(frame + 700 * CLOCKS_PER_BEAT) - before == pytest.approx(1.0, abs=1e-4)
    # Each message falls on a 24th of a beat.
    assert before * CLOCKS_PER_BEAT == pytest.approx(round(before * CLOCKS_PER_BEAT), abs=1e-3)


def test_only_a_start_jumps_to_beat_0() -> None:
    tempo = Tempo(120.0, RATE)
    clocks = [RATE + 900 * k for k in range(200)]
    for frame in clocks[:100]:
        assert not tempo.clock(frame)
    # A stop does not move the beat. Nor does a start that is followed by a stop before the next clock message. The MIDI
    # message "continue" also calls `stop`.
    for message in (tempo.stop, tempo.start, tempo.stop):
        message()
    before = tempo.beats_at(clocks[100])
    assert not tempo.clock(clocks[100])
    assert tempo.beats_at(clocks[100]) == pytest.approx(before, abs=1e-9)
    tempo.start()
    assert tempo.beats_at(clocks[101]) > 4.0
    assert tempo.clock(clocks[101])
    assert tempo.beats_at(clocks[101]) == pytest.approx(0.0, abs=1e-3)
    for frame in clocks[102:]:
        tempo.clock(frame)
    assert tempo.beats_at(clocks[-1]) == pytest.approx(98 / CLOCKS_PER_BEAT, abs=1e-3)


def test_taps_and_the_piece_s_tempo_count_when_no_clock_runs() -> None:
    tempo = Tempo(120.0, RATE)
    clocks = [1000 * k for k in range(48)]
    for frame in clocks:
        tempo.clock(frame)
    speed = tempo.line.beats_per_frame
    # An eighth of a second after its final message, the clock still counts as running.
    tempo.set_bpm(60.0, clocks[-1] + RATE // 8, of_piece=True)
    assert tempo.line.beats_per_frame == speed
    tempo.set_bpm(60.0, clocks[-1] + RATE)  # a sound's tempo does not replace the clock's tempo
    assert tempo.line.beats_per_frame == speed
    before = tempo.beats_at(clocks[-1] + RATE)
    tempo.set_bpm(60.0, clocks[-1] + RATE, of_piece=True)
    assert tempo.line.beats_per_frame == pytest.approx(1.0 / RATE)
    assert tempo.beats_at(clocks[-1] + RATE) == before


@pytest.mark.parametrize("seed", range(25))
def test_any_messages_at_any_times_give_beats_that_never_run_backwards(seed: int) -> None:
    random = np.random.default_rng(seed)
    tempo, frame, before = Tempo(120.0, RATE), 0, 0.0
    for _ in range(300):
        size = (1, 3, 100, 400, 900, 4000, 20000)[int(random.integers(7))]
        for _ in range(int(random.integers(1, 12))):
            frame += int(random.integers(0, size))
            assert tempo.beats_at(frame) >= before
            tempo.clock(frame)
            before = tempo.beats_at(frame)
            assert np.isfinite(before)
            assert 0.0 < tempo.line.beats_per_frame * RATE < 50.0


@pytest.mark.parametrize("seed", range(20))
def test_a_line_s_frame_is_the_first_one_at_which_the_beats_have_passed(seed: int) -> None:
    random = np.random.default_rng(seed)
    speed = float(random.uniform(20.0, 300.0)) / 60.0 / RATE
    bend, n_bent = float(random.uniform(-0.5, 1.0)) * speed, float(random.uniform(0.0, 9000.0))
    line = BeatLine(int(random.integers(0, 10**8)), float(random.uniform(0.0, 1000.0)), speed, bend, n_bent)
    frames = line.since + np.arange(0, 20000)
    every = line.beats_at(frames.astype(np.float64))
    assert every.tolist() == pytest.approx([line.beats_at_one(int(frame)) for frame in frames], abs=1e-12)
    for beats in random.uniform(every[0] - 0.1, every[-1], 50):
        expected = frames[int(np.searchsorted(every, beats))]
        assert abs(line.frame_at(float(beats)) - expected) <= 1
        assert every[line.frame_at(float(beats)) - line.since] >= beats - 1e-6 * 2.0 * speed
