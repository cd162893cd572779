"""An engine as the configuration asks for it: the live instrument, `render` and `bench` play the same one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.config import InstrumentConfig
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.instrument.presets import preset_positions


def _warm_up(spare: Engine) -> None:
    """Sound a note on a twin that nobody hears: what is slow the first time is behind."""
    block = np.zeros((512, 2), np.float32)
    spare.post(NoteOn(0, 60, 100))
    for _ in range(8):
        spare.render(block)


def configured_engine(
    config: InstrumentConfig, decoder: Decoder, sample_rate_hz: int, positions: Sequence[float] | None = None
) -> Engine:
    """A new engine; positions: where its knobs stand, 0 to 1, else at the configured preset."""
    if positions is None and config.preset is not None:
        positions = preset_positions(decoder.card, config.preset)
    engine = Engine(
        decoder,
        sample_rate_hz=sample_rate_hz,
        seed=config.seed,
        voice=config.voice,
        tuning=config.tuning,
        midi=config.midi,
        latent_controls=config.latent_controls,
        phase_control=config.phase_control,
        phase_blend=config.phase_blend,
        volume_db=config.volume_db,
    )
    for latent, position in enumerate(positions or ()):
        engine.post(KnobTurn(latent, position))
    return engine
