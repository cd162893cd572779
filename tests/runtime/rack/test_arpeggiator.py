"""The arpeggiator, against a plain model and to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args, get_type_hints

import numpy as np
import pytest

from runtime.events import (
    Action,
    ActiveSensing,
    Aftertouch,
    Clock,
    ClockContinue,
    ClockStart,
    ClockStop,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    Reset,
    Tempo,
)
from runtime.rack.arpeggiator import Arpeggiator
from runtime.sound.arpeggio import Arpeggio
from tests.support.plain_arpeggiator import Choice, PlainArpeggiator

RATE = 48000
BEAT = RATE // 2  # frames, at 120 beats a minute
SLOW_RATE, N_FRAMES = 1000, 6000
MODES = get_args(get_type_hints(Arpeggio)["mode"])
Timed = list[tuple[int, Event | Choice]]


def run(
    timed: Sequence[tuple[int, Event | Choice]],
    end: int,
    settings: Arpeggio = Arpeggio("up"),
    rate_hz: int = RATE,
    blocks: Sequence[int] = (512,),
    early: bool = False,
    tempo_bpm: float = 120.0,
) -> list[tuple[int, Event]]:
    """What the arpeggiator gives in blocks of these sizes; early: all events are fed first, else just in time."""
    arpeggiator, waiting, given, done = Arpeggiator(settings, tempo_bpm, rate_hz), list(timed), [], 0
    for number in range(end):
        until = min(end, done + blocks[number % len(blocks)])
        while waiting and (early or waiting[0][0] < until):
            frame, event = waiting.pop(0)
            if isinstance(event, tuple):
                arpeggiator.choose(*event, frame)
            else:
                arpeggiator.feed(event, frame)
        given += arpeggiator.take(until)
        done = until
        if done == end:
            break
    return given


def notes(given: Sequence[tuple[int, Event]]) -> list[tuple[int, int]]:
    """(frame, note) of each note-on."""
    return [(frame, event.note) for frame, event in given if isinstance(event, NoteOn)]


def chord(*keys: int, frame: int = 0) -> Timed:
    return [(frame, NoteOn(0, key, 100)) for key in keys]


def lengths(given: Sequence[tuple[int, Event]]) -> list[int]:
    """Length of each note in frames."""
    began, found = {}, []
    for frame, event in given:
        if isinstance(event, NoteOn):
            began[event.note] = frame
        elif isinstance(event, NoteOff):
            found.append(frame - began.pop(event.note))
    return found


def left_on(given: Sequence[tuple[int, Event]]) -> set[tuple[int, int]]:
    """The notes that were begun and not ended."""
    on: set[tuple[int, int]] = set()
    for _, event in given:
        if isinstance(event, NoteOn):
            on.add((event.channel, event.note))
        elif isinstance(event, NoteOff):
            on.discard((event.channel, event.note))
    return on


# Against the model


def random_settings(random: np.random.Generator) -> Arpeggio:
    return Arpeggio(
        mode=str(random.choice(MODES)),
        rate_beats=float(random.choice([0.125, 0.25, 0.333, 0.5, 0.75, 1.0, 1.37])),
        gate=float(random.choice([0.05, 0.5, 0.9, 1.0])),
        tie=bool(random.random() < 0.2),
        octaves=int(random.integers(1, 5)),
        hold=bool(random.random() < 0.3),
        velocity=None if random.random() < 0.7 else 77,
        swing=float(random.choice([0.0, 0.0, 0.33, 0.6])),
        seed=int(random.integers(0, 3)),
        starts=str(random.choice(["key", "beat"])),
    )


def random_event(random: np.random.Generator) -> Event | Choice:
    channel, note = int(random.integers(0, 2)), int(random.choice([40, 60, 64, 67, 110, 127]))
    velocity, value = int(random.integers(1, 128)), int(random.choice([0, 63, 64, 127]))
    rare = (
        ControlChange(channel, int(random.choice([120, 121, 123, 126])), 0),
        Reset(),
        Action("panic"),
        Action("save"),
        Action("tap_tempo"),
        Action("tap_tempo"),
        ClockStart(),
        ClockStop(),
        ClockContinue(),
        Tempo(float(random.uniform(20.0, 300.0))),
        ActiveSensing(),
    )
    usual = (
        NoteOn(channel, note, velocity, device=channel),
        NoteOn(channel, note, velocity),
        NoteOn(channel, note, velocity),
        NoteOff(channel, note),
        NoteOff(channel, note),
        ControlChange(channel, 64, value),
        ControlChange(channel, 1, value),
        PitchWheel(channel, value),
        Aftertouch(channel, value),
        Clock(),
    )
    if random.random() < 0.1:
        return random_settings(random), float(random.uniform(60.0, 200.0))
    events = rare if random.random() < 0.15 else usual
    return events[int(random.integers(len(events)))]


def random_stream(seed: int) -> tuple[Arpeggio, Timed]:
    """Settings, and events at random frames, many of them at one; every other stream has a clock, too."""
    random = np.random.default_rng(seed)
    frames = random.integers(0, N_FRAMES, int(random.integers(5, 80)))
    together = random.random(len(frames)) < 0.3
    frames[together] = random.choice(frames[:3], together.sum())
    timed: Timed = [(int(frame), random_event(random)) for frame in np.sort(frames)]
    if seed % 2:
        clocks = np.cumsum(random.integers(15, 28, 200)) + int(random.integers(0, 2000))
        timed += [(int(frame), Clock()) for frame in clocks if frame < N_FRAMES]
        timed.sort(key=lambda at: at[0])
    settings = random_settings(random)
    while settings.mode == "off" and seed % 5:
        settings = random_settings(random)
    return settings, timed


@pytest.mark.parametrize("first", range(0, 120, 20))
def test_any_stream_gives_what_the_plain_model_gives(first: int) -> None:
    n_added = 0
    for seed in range(first, first + 20):
        settings, timed = random_stream(seed)
        expected = PlainArpeggiator(settings, 120.0, SLOW_RATE).run(timed, N_FRAMES)
        given = run(timed, N_FRAMES, settings, SLOW_RATE)
        for number, (one, other) in enumerate(zip(given, expected, strict=False)):
            assert one == other, f"seed {seed}, event {number}"
        assert len(given) == len(expected), seed
        n_added += len(notes(given))
    assert n_added > 200


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_any_partition_gives_the_same(first: int) -> None:
    for seed in range(first, first + 100):
        settings, timed = random_stream(seed)
        whole = run(timed, N_FRAMES, settings, SLOW_RATE, [N_FRAMES], early=True)
        blocks = np.random.default_rng(seed).integers(1, 300, 7).tolist()
        for early in (True, False):
            assert run(timed, N_FRAMES, settings, SLOW_RATE, blocks, early) == whole, seed
        assert [frame for frame, _ in whole] == sorted(frame for frame, _ in whole)


def added(given: Sequence[tuple[int, Event]], timed: Timed) -> list[tuple[int, Event]]:
    """What the arpeggiator gives besides what it lets pass."""
    fed = {id(event) for _, event in timed}
    return [(frame, event) for frame, event in given if id(event) not in fed]


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_no_note_is_stuck(first: int) -> None:
    """Whatever came before: when all keys and pedals are up and nothing is held, or after a panic, nothing sounds."""
    keys_up: Timed = [(N_FRAMES, NoteOff(channel, key)) for channel in (0, 1) for key in (40, 60, 64, 67, 110, 127)]
    keys_up += [(N_FRAMES, ControlChange(channel, 64, 0)) for channel in (0, 1)]
    end = N_FRAMES + 8 * SLOW_RATE
    for seed in range(first, first + 100):
        settings, timed = random_stream(seed)
        modes = [settings.mode] + [event[0].mode for _, event in timed if isinstance(event, tuple)]
        unheld = (N_FRAMES, (Arpeggio(modes[-1]), 120.0))
        for last in ([unheld, *keys_up], [(N_FRAMES, Action("panic"))], [(N_FRAMES, Reset())], [all_notes_off()]):
            given = run([*timed, *last], end, settings, SLOW_RATE)
            ours = added(given, [*timed, *last])
            assert not left_on(ours), seed
            assert not notes([each for each in ours if each[0] > N_FRAMES]), seed
            if modes[-1] != "off":
                assert not left_on(given) or any(ends_all(event) for _, event in timed), seed


def all_notes_off() -> tuple[int, Event]:
    return N_FRAMES, ControlChange(0, 123, 0)


def ends_all(event: Event | Choice) -> bool:
    """Whether an event ends notes in the engine, without a note-off."""
    ends = isinstance(event, ControlChange) and event.control in (120, 123, 126)
    return ends or event in (Reset(), Action("panic"))


@pytest.mark.parametrize("seed", range(50))
def test_what_is_added_begins_and_ends_in_turn(seed: int) -> None:
    settings, timed = random_stream(seed)
    on: set[tuple[int, int]] = set()
    for _, event in added(run(timed, N_FRAMES, settings, SLOW_RATE), timed):
        if isinstance(event, NoteOn):
            assert (event.channel, event.note) not in on
            on.add((event.channel, event.note))
        elif isinstance(event, NoteOff):
            on.discard((event.channel, event.note))
        assert len(on) <= 2


# To the frame


def test_steps_are_on_the_beat_line_to_the_frame() -> None:
    given = run(chord(60, 64, 67, frame=1000), 4 * BEAT, Arpeggio("up", rate_beats=0.25, gate=0.5))
    step = BEAT // 4
    assert notes(given)[:5] == [(1000 + k * step, key) for k, key in enumerate((60, 64, 67, 60, 64))]
    assert set(lengths(given)) == {step // 2}


@pytest.mark.parametrize(
    ("rate_beats", "exact"), [(4.0, 4.0), (0.125, 0.125), (0.333, 1 / 3), (0.0833, 1 / 12), (0.75, 0.75), (0.6, 0.6)]
)
def test_triplets_stay_with_the_beat(rate_beats: float, exact: float) -> None:
    given = run(chord(60), 64 * BEAT, Arpeggio("up", rate_beats=rate_beats), blocks=[10**7])
    frames = [frame for frame, _ in notes(given)]
    assert np.abs(frames - np.arange(len(frames)) * exact * BEAT).max() < 1.0


@pytest.mark.parametrize(
    ("mode", "octaves", "order"),
    [
        ("up", 1, (60, 64, 67, 60)),
        ("down", 1, (67, 64, 60, 67)),
        ("up_down", 1, (60, 64, 67, 64, 60)),
        ("as_played", 1, (64, 60, 67, 64)),
        ("up", 2, (60, 64, 67, 72, 76, 79, 60)),
        ("down", 2, (79, 76, 72, 67, 64, 60, 79)),
        ("as_played", 2, (64, 60, 67, 76, 72, 79, 64)),
    ],
)
def test_orders(mode: str, octaves: int, order: tuple[int, ...]) -> None:
    given = run(chord(64, 60, 67), 8 * BEAT, Arpeggio(mode, octaves=octaves, starts="beat", rate_beats=1.0))
    assert tuple(note for _, note in notes(given))[: len(order)] == order


def test_one_key_and_two_keys_go_up_and_down() -> None:
    for keys, order in (((60,), (60, 60, 60)), ((60, 64), (60, 64, 60, 64))):
        given = run(chord(*keys), 8 * BEAT, Arpeggio("up_down", rate_beats=1.0))
        assert tuple(note for _, note in notes(given))[: len(order)] == order


def test_random_is_a_function_of_seed_and_step() -> None:
    played = {}
    for seed in (0, 1):
        for delay in (0, 12345):
            given = run(chord(60, 64, 67, 71, frame=delay), 60 * BEAT, Arpeggio("random", seed=seed, octaves=2))
            played[seed, delay] = [note for _, note in notes(given)][:100]
    assert played[0, 0] == played[0, 12345] != played[1, 0]
    counts = np.unique(played[0, 0], return_counts=True)[1]
    assert len(counts) == 8
    assert counts.min() >= 5


def test_velocity_is_as_played_or_fixed() -> None:
    keys: Timed = [(0, NoteOn(0, 60, 30)), (0, NoteOn(0, 64, 90))]
    for fixed, expected in ((None, [30, 90, 30]), (55, [55, 55, 55])):
        given = run(keys, 2 * BEAT, Arpeggio("up", velocity=fixed))
        assert [event.velocity for _, event in given if isinstance(event, NoteOn)][:3] == expected


def test_a_tie_joins_notes_and_repeats_none() -> None:
    given = run(chord(60, 64), 2 * BEAT, Arpeggio("up", tie=True))
    assert given[:3] == [(0, NoteOn(0, 60, 100)), (BEAT // 2, NoteOn(0, 64, 100)), (BEAT // 2, NoteOff(0, 60))]
    release: Timed = [(BEAT + 5, NoteOff(0, 60))]
    assert run(chord(60) + release, 4 * BEAT, Arpeggio("up", tie=True)) == [
        (0, NoteOn(0, 60, 100)),
        (BEAT + BEAT // 2, NoteOff(0, 60)),
    ]


def test_swing_delays_every_second_step() -> None:
    given = run(chord(60), 2 * BEAT, Arpeggio("up", swing=0.5))
    assert [frame for frame, _ in notes(given)] == [0, 18000, 24000, 42000]


def test_a_chord_starts_with_its_key_or_on_the_beat() -> None:
    for starts, first in (("key", 1000), ("beat", BEAT // 2)):
        given = run(chord(60, frame=1000), BEAT, Arpeggio("up", starts=starts))
        assert notes(given)[0] == (first, 60)
    # In time, not a step late.
    assert notes(run(chord(60, frame=BEAT), 2 * BEAT, Arpeggio("up", starts="beat")))[0] == (BEAT, 60)


def test_a_new_tempo_in_the_middle_of_a_step() -> None:
    given = run([*chord(60), (BEAT // 2, Tempo(240.0))], 3 * BEAT, Arpeggio("up", rate_beats=1.0))
    # Half of the step at 120, half of it at 240 beats a minute; then steps of half a beat.
    assert [frame for frame, _ in notes(given)][:3] == [0, BEAT // 2 + BEAT // 4, BEAT // 2 + BEAT // 4 + BEAT // 2]


def test_taps_give_a_tempo_at_the_frame_of_the_tap() -> None:
    taps: Timed = [(1000 + k * 36000, Action("tap_tempo")) for k in range(3)]
    assert run(taps, 2 * RATE, Arpeggio()) == [(37000, Tempo(80.0)), (73000, Tempo(80.0))]
    given = run([*chord(60), *taps], 4 * RATE, Arpeggio("up", rate_beats=1.0))
    assert np.diff([frame for frame, _ in notes(given)])[-3:].tolist() == [36000] * 3


def test_late_events_do_not_take_back_steps() -> None:
    arpeggiator = Arpeggiator(Arpeggio("up"), 120.0, RATE)
    arpeggiator.feed(NoteOn(0, 60, 100), 0)
    before = arpeggiator.take(BEAT)
    arpeggiator.feed(NoteOn(0, 48, 100), 100)
    arpeggiator.feed(PitchWheel(0, 5), 200)
    after = arpeggiator.take(2 * BEAT)
    assert [note for _, note in notes(before)] == [60, 60]
    assert after[0] == (BEAT, PitchWheel(0, 5))
    assert notes(after)[:2] == [(BEAT, 48), (BEAT + BEAT // 2, 60)]


def test_off_lets_everything_pass_but_taps() -> None:
    _, timed = random_stream(3)
    timed = [(frame, event) for frame, event in timed if not isinstance(event, tuple) and event != Action("tap_tempo")]
    assert run(timed, N_FRAMES, Arpeggio(), SLOW_RATE) == timed


# Keys that stay


def test_hold_keeps_a_chord_until_the_next_one() -> None:
    timed: Timed = [*chord(60, 64), (100, NoteOff(0, 60)), (100, NoteOff(0, 64))]
    timed += [(2 * BEAT + 100, NoteOn(0, 72, 100)), (2 * BEAT + 200, NoteOn(0, 76, 100))]
    given = run(timed, 4 * BEAT, Arpeggio("up", hold=True))
    half = BEAT // 2
    assert notes(given) == [(k * half, key) for k, key in enumerate((60, 64, 60, 64, 60, 72, 76, 72))]


def test_the_pedal_holds_keys_and_does_not_reach_the_sound() -> None:
    timed: Timed = [*chord(60), (50, ControlChange(0, 64, 127)), (100, NoteOff(0, 60))]
    timed += [(BEAT + 100, NoteOn(0, 64, 100)), (BEAT + 200, NoteOff(0, 64)), (2 * BEAT + 100, ControlChange(0, 64, 0))]
    given = run(timed, 5 * BEAT)
    half = BEAT // 2
    assert notes(given) == [(k * half, key) for k, key in enumerate((60, 60, 60, 64, 60))]
    assert not any(isinstance(event, ControlChange) for _, event in given)
    assert not left_on(given)


def test_a_pedal_that_is_down_is_lifted_for_the_arpeggio_and_put_back() -> None:
    on, off = (Arpeggio("up"), 120.0), (Arpeggio(), 120.0)
    timed: Timed = [(0, ControlChange(0, 64, 99)), *chord(60, frame=10), (20, on), (30, off), (40, NoteOff(0, 60))]
    given = run(timed, 1000, Arpeggio())
    assert [event for _, event in given] == [
        ControlChange(0, 64, 99),
        NoteOn(0, 60, 100),
        NoteOff(0, 60),
        ControlChange(0, 64, 0),
        NoteOn(0, 60, 100),
        NoteOff(0, 60),
        ControlChange(0, 64, 99),
    ]


def test_a_rate_that_gets_shorter_gives_no_burst() -> None:
    given = run([*chord(60), (BEAT * 5, (Arpeggio("up", rate_beats=0.25), 120.0))], 6 * BEAT, Arpeggio("up", 8.0))
    assert [frame for frame, _ in notes(given)] == [0, *range(5 * BEAT, 6 * BEAT, BEAT // 4)]


# With a sequencer


def test_a_start_begins_the_pattern_at_beat_0_and_a_stop_lets_held_chords_go() -> None:
    clocks: Timed = [(k * 1000, Clock()) for k in range(24 * 8)]
    first = 24 * 3 + 7
    timed = sorted(
        [*clocks, *chord(60, 64, 67), (first * 1000 - 500, ClockStart()), (24 * 6 * 1000 - 300, ClockStop())],
        key=lambda at: at[0],
    )
    given = run(timed, 24 * 8000, Arpeggio("up", hold=True))
    played = notes(given)
    began = [number for number, (frame, _) in enumerate(played) if abs(frame - first * 1000) < 40]
    assert [note for _, note in played[began[0] :]][:4] == [60, 64, 67, 60]
    steps = np.diff([frame for frame, _ in played[began[0] :]])
    assert np.abs(steps - 12000).max() < 40
    released = [(100, NoteOff(0, key)) for key in (60, 64, 67)]
    given = run(sorted([*timed, *released], key=lambda at: at[0]), 24 * 8000, Arpeggio("up", hold=True))
    assert max(frame for frame, _ in notes(given)) < 24 * 6000 - 300
    assert not left_on(given)


def test_a_lost_sender_ends_the_arpeggio() -> None:
    given = run([*chord(60), (1000, ActiveSensing())], 4 * BEAT, Arpeggio("up", rate_beats=0.125))
    lost = 1000 + round(0.33 * RATE)
    assert max(frame for frame, _ in notes(given)) < lost
    assert given[-1] == (lost, Reset())
