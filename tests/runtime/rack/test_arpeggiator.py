"""The arpeggiator is exact to the frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.events import (
    Action,
    ActiveSensing,
    Clock,
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
from tests.support.arpeggios import RATE, Timed, chord, left_on, notes, run

BEAT = RATE // 2  # frames, at 120 beats a minute


def lengths(given: Sequence[tuple[int, Event]]) -> list[int]:
    """Each note's length in frames."""
    began, found = {}, []
    for frame, event in given:
        if isinstance(event, NoteOn):
            began[event.note] = frame
        elif isinstance(event, NoteOff):
            found.append(frame - began.pop(event.note))
    return found


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
    # A key exactly on the beat: the first note comes with the key, not a step later.
    assert notes(run(chord(60, frame=BEAT), 2 * BEAT, Arpeggio("up", starts="beat")))[0] == (BEAT, 60)


def test_a_new_tempo_in_the_middle_of_a_step() -> None:
    given = run([*chord(60), (BEAT // 2, Tempo(240.0))], 3 * BEAT, Arpeggio("up", rate_beats=1.0))
    # The first half of the first step is at 120 beats a minute, the second at 240.
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


# Held keys


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
