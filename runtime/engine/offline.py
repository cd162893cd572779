"""The engine without a device: timed events to blocks of sound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from runtime.engine.engine import Engine
from runtime.events import N_CHANNELS, ControlChange, Event

BLOCK_FRAMES = 4096
# A tail ends when its last voice does; no envelope can be longer than this.
LONGEST_TAIL_S = 60.0


def render_events(engine: Engine, events: list[tuple[float, Event]]) -> Iterator[np.ndarray]:
    """Yield blocks float32 (n, 2), valid until the next, of timed events in seconds, with the last tail."""
    rate_hz = engine.sample_rate_hz
    for time_s, event in events:
        engine.post(event, round(time_s * rate_hz))
    end = round((events[-1][0] if events else 0.0) * rate_hz)
    for channel in range(N_CHANNELS):  # a key or pedal that the file leaves down must not sound for ever
        engine.post(ControlChange(channel, 64, 0), end)
        engine.post(ControlChange(channel, 123, 0), end)
    block = np.zeros((BLOCK_FRAMES, 2), np.float32)
    last = end + round(LONGEST_TAIL_S * rate_hz)
    while engine.frame < end or (engine.status.n_active_voices and engine.frame < last):
        engine.render(block)
        yield block
