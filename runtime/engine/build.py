"""Builds the engine that the settings describe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.control_numbers import Control
from runtime.engine.engine import Engine
from runtime.engine.recorded.state import EngineState
from runtime.events import ControlChange, NoteOn, PitchWheel
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch

_WARM_UP_BLOCKS = 8
# A chord for 16 voices, the default number. With the wheels moved, it takes the longest way: every lane is transposed.
_WARM_UP_EVENTS = (
    ControlChange(0, Control.MOD_WHEEL, 100),
    PitchWheel(0, 4000),
    *(NoteOn(0, note, 100) for note in range(36, 100, 4)),
)


def build_engine(
    patch: Patch,
    decoder: Decoder,
    sample_rate_hz: int,
    programs: Sequence[Patch] | None = None,
    start: EngineState | None = None,
    *,
    limits: bool = True,
) -> Engine:
    """Return a new engine that plays `patch`; the other arguments are as in `Engine`.

    UserError if the settings name a preset that the instrument does not have.
    """
    return Engine(decoder, sample_rate_hz=sample_rate_hz, patch=patch, programs=programs, start=start, limits=limits)


def warm_up(patch: Patch, decoder: Decoder, sample_rate_hz: int) -> None:
    """Play a chord on an engine that is not used again, because the first chord of a process is slow.

    The same is true of the first chord at a sample rate.
    """
    engine, block = build_engine(patch, decoder, sample_rate_hz), np.zeros((512, 2), np.float32)
    for event in _WARM_UP_EVENTS:
        engine.post(event)
    for _ in range(_WARM_UP_BLOCKS):
        engine.render(block)
