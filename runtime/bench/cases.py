"""The cases that `bench` measures: what is played, with how many voices, in which buffer."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from runtime.bench.playing import knob_turns
from runtime.events import ControlChange, Event, PhaseBlend, PitchWheel

BUFFERS_FRAMES = (64, 256)
N_VOICES_OF_PLAIN = (1, 16, 64)
N_VOICES_OF_NAMED = 16


def _no_events(time_s: float) -> list[Event]:
    return []


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One way to play: notes held by `n_voices` voices, rendered in blocks of `buffer_frames`.

    moving: whether every knob moves in every block. name: None for a plain case, which has no further events.
    once: events sent with the notes. each_block: called with the time in s at which a block begins; returns the
        block's further events.
    """

    n_voices: int
    buffer_frames: int
    moving: bool
    name: str | None = None
    once: tuple[Event, ...] = ()
    each_block: Callable[[float], list[Event]] = _no_events

    def events_at(self, time_s: float, n_latents: int) -> list[Event]:
        """All events of the block that begins at `time_s`."""
        turns = knob_turns(n_latents, time_s) if self.moving else []
        return [*turns, *self.each_block(time_s)]


def _named(
    name: str, once: tuple[Event, ...] = (), each_block: Callable[[float], list[Event]] = _no_events
) -> tuple[Case, ...]:
    """One case for each buffer size: N_VOICES_OF_NAMED voices, every knob moving, and the events given."""
    return tuple(
        Case(
            n_voices=N_VOICES_OF_NAMED,
            buffer_frames=buffer_frames,
            moving=True,
            name=name,
            once=once,
            each_block=each_block,
        )
        for buffer_frames in BUFFERS_FRAMES
    )


PLAIN = tuple(
    Case(n_voices=n_voices, buffer_frames=buffer_frames, moving=moving)
    for n_voices in N_VOICES_OF_PLAIN
    for buffer_frames in BUFFERS_FRAMES
    for moving in (True, False)
)
NAMED = (
    *_named("wheel", each_block=lambda time_s: [PitchWheel(0, round(4000 * math.sin(time_s)))]),
    *_named("vibrato", once=(ControlChange(0, 1, 127),)),
    *_named("coherent", once=(PhaseBlend(1.0),)),
)
CASES = PLAIN + NAMED
