"""Builds the engine that the settings describe, for `play`, `render` and `bench` alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.config import Config
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.instrument.presets import preset_positions

_WARM_UP_BLOCKS = 8


def build_engine(
    config: Config, decoder: Decoder, sample_rate_hz: int, positions: Sequence[float] | None = None
) -> Engine:
    """A new engine; positions: its knobs' positions, 0 to 1; if not given, those of the configured preset, if any.

    UserError for a preset that the instrument does not have.
    """
    if positions is None and config.preset is not None:
        positions = preset_positions(decoder.card, config.preset)
    engine = Engine(decoder, sample_rate_hz=sample_rate_hz, config=config)
    for latent, position in enumerate(positions or ()):
        engine.post(KnobTurn(latent, position))
    return engine


def warm_up(config: Config, decoder: Decoder, sample_rate_hz: int) -> None:
    """Play a note on an engine that nobody hears: the first note of a process is slow."""
    engine, block = build_engine(config, decoder, sample_rate_hz), np.zeros((512, 2), np.float32)
    engine.post(NoteOn(0, 60, 100))
    for _ in range(_WARM_UP_BLOCKS):
        engine.render(block)
