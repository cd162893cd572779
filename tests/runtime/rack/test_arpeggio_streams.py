"""For random events, the arpeggiator does what a plain model does."""

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
from runtime.sound.arpeggio import Arpeggio
from tests.support.arpeggios import Timed, left_on, notes, run
from tests.support.plain_arpeggiator import Choice, PlainArpeggiator

SLOW_RATE, N_FRAMES = 1000, 6000
MODES = get_args(get_type_hints(Arpeggio)["mode"])


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
    """Random settings, and events at random frames.

    About 30 % of the events share at most three frames. Odd seeds add a MIDI clock.
    """
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
    """The events in `given` that are the arpeggiator's own."""
    fed = {id(event) for _, event in timed}
    return [(frame, event) for frame, event in given if id(event) not in fed]


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_no_note_is_stuck(first: int) -> None:
    """Nothing sounds after a panic, a reset or CC 123.

    Without hold, nothing sounds after all keys and pedals have come up.
    """
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
    """Whether the event ends notes in the engine without a note-off."""
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


def test_off_lets_everything_pass_but_taps() -> None:
    _, timed = random_stream(3)
    timed = [(frame, event) for frame, event in timed if not isinstance(event, tuple) and event != Action("tap_tempo")]
    assert run(timed, N_FRAMES, Arpeggio(), SLOW_RATE) == timed
