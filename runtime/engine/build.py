"""Builds the engine that the settings describe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.engine import Engine
from runtime.engine.recorded.state import EngineState
from runtime.events import NoteOn
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch

_WARM_UP_BLOCKS = 8


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
    """Play a note on an engine that is not used again, because the first note of a process is slow."""
    engine, block = build_engine(patch, decoder, sample_rate_hz), np.zeros((512, 2), np.float32)
    engine.post(NoteOn(0, 60, 100))
    for _ in range(_WARM_UP_BLOCKS):
        engine.render(block)
