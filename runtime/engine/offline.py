"""Plays timed events on an engine without a sound card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from runtime.control_numbers import Control
from runtime.events import N_CHANNELS, ControlChange, Event

BLOCK_FRAMES = 4096
# The longest time that rendering goes on after the last event.
LONGEST_TAIL_S = 60.0


class Plays(Protocol):
    """An engine, or a rack of engines."""

    frame: int
    sample_rate_hz: int
    is_silent: bool

    def post(self, event: Event, frame: int | None = None) -> None: ...

    def render(self, out: np.ndarray) -> None: ...


def render_events(engine: Plays, events: list[tuple[float, Event]]) -> Iterator[np.ndarray]:
    """Play events, and yield the sound in blocks, float32 (n_frames, 2). Each block is overwritten by the next.

    At the last event, all held notes are released. The rendering ends when nothing sounds any more, or LONGEST_TAIL_S
    after the last event.

    events: (time in s, event), ascending.
    """
    rate_hz = engine.sample_rate_hz
    waiting = _Waiting((round(time_s * rate_hz), event) for time_s, event in events)
    end = round((events[-1][0] if events else 0.0) * rate_hz)
    block = np.zeros((BLOCK_FRAMES, 2), np.float32)
    last, is_over = end + round(LONGEST_TAIL_S * rate_hz), False
    while engine.frame < end or (not engine.is_silent and engine.frame < last):
        waiting.post(engine, BLOCK_FRAMES)
        if waiting.is_empty and not is_over:
            is_over = True
            _let_go(engine, end)
        engine.render(block)
        yield block


def render_recorded(engine: Plays, events: Iterable[tuple[int, Event]], n_frames: int) -> Iterator[np.ndarray]:
    """Play recorded events; yield the next n_frames frames of sound, in blocks like those of `render_events`.

    events: (frame, event), ascending; the frames are counted from the engine's start.

    ValueError for a sample that is not finite; events from a damaged file can cause one.
    """
    waiting = _Waiting(events)
    block, end = np.zeros((BLOCK_FRAMES, 2), np.float32), engine.frame + n_frames
    while engine.frame < end:
        part = block[: end - engine.frame]
        waiting.post(engine, len(part))
        engine.render(part)
        if not np.isfinite(part).all():
            raise ValueError("a sample that is no number")
        yield part


class _Waiting:
    """Posts each event just before its block is rendered. Millions of events, posted at once, would fill the memory."""

    def __init__(self, events: Iterable[tuple[int, Event]]):
        self._events = iter(events)
        self._next = next(self._events, None)

    @property
    def is_empty(self) -> bool:
        return self._next is None

    def post(self, engine: Plays, n_frames: int) -> None:
        while self._next is not None and self._next[0] < engine.frame + n_frames:
            frame, event = self._next
            engine.post(event, frame)
            self._next = next(self._events, None)


def _let_go(engine: Plays, end: int) -> None:
    for channel in range(N_CHANNELS):
        engine.post(ControlChange(channel, Control.SUSTAIN, 0), end)
        engine.post(ControlChange(channel, Control.ALL_NOTES_OFF, 0), end)
