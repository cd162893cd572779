"""Reads MIDI files as events with times."""

from __future__ import annotations

from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.events import Event, Tempo
from runtime.midi.tracks import Timed, read_tracks

DRUM_CHANNEL = 9
# A file has at most one event for every two bytes. Reading a file of this size with so many takes 0.4 GB and 5 s.
LARGEST_BYTES = 2 * 2**20
_USUAL_TEMPO_US = 500_000  # duration of a beat until the file sets a tempo


def read_events(path: str | Path) -> list[tuple[float, Event]]:
    """Read a Standard MIDI File as (time in s, event) pairs, without channel 10, the drums.

    Tempo changes are also returned, as Tempo events, except those after the last other event.
    UserError if the file is missing, too large, truncated or damaged, if it is no MIDI file or one of type 2, or if it
    has SMPTE times.
    """
    content = read_bounded_file(path, "a MIDI file", LARGEST_BYTES)
    try:
        ticks_per_beat, timed = read_tracks(content)
    except EOFError:
        raise UserError(path, "a truncated MIDI file", "a whole one", "copy or export it again") from None
    except ValueError as error:
        remedy = "choose a Standard MIDI File (.mid)"
        raise UserError(path, f"a damaged MIDI file ({error})", "a MIDI file", remedy) from None
    events = _with_times(timed, ticks_per_beat)
    while events and isinstance(events[-1][1], Tempo):
        events.pop()  # a tempo after the last other event would lengthen the piece
    return events


def _with_times(timed: list[Timed], ticks_per_beat: int) -> list[tuple[float, Event]]:
    events: list[tuple[float, Event]] = []
    time_s, tick, tick_s = 0.0, 0, _USUAL_TEMPO_US * 1e-6 / ticks_per_beat
    for at, event in timed:
        time_s += (at - tick) * tick_s
        tick = at
        if isinstance(event, int):
            tick_s = event * 1e-6 / ticks_per_beat
            if event:
                events.append((time_s, Tempo(60e6 / event)))
        elif event is not None and getattr(event, "channel", None) != DRUM_CHANNEL:
            events.append((time_s, event))
    return events
