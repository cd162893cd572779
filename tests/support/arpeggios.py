"""Runs the arpeggiator in tests, and examines its output."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.events import Event, NoteOff, NoteOn
from runtime.rack.arpeggiator import Arpeggiator
from runtime.sound.arpeggio import Arpeggio
from tests.support.plain_arpeggiator import Choice

RATE = 48000
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
    """Run an arpeggiator to frame `end`; returns its output, (frame, event).

    timed: the input, (frame, event) or (frame, arguments of `Arpeggiator.choose`).
    blocks: sizes of the blocks in frames, used in rotation.
    early: True to give all input before the first block, False to give each input before the block that it falls in.
    """
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
    return [(frame, event.note) for frame, event in given if isinstance(event, NoteOn)]


def chord(*keys: int, frame: int = 0) -> Timed:
    return [(frame, NoteOn(0, key, 100)) for key in keys]


def left_on(given: Sequence[tuple[int, Event]]) -> set[tuple[int, int]]:
    """The (channel, note) of each note that was begun and not ended."""
    on: set[tuple[int, int]] = set()
    for _, event in given:
        if isinstance(event, NoteOn):
            on.add((event.channel, event.note))
        elif isinstance(event, NoteOff):
            on.discard((event.channel, event.note))
    return on
