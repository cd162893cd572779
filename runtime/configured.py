"""An engine as the configuration asks for it: the live instrument, `render` and `bench` play the same one."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.card import Card
from runtime.config import InstrumentConfig
from runtime.decoder import Decoder
from runtime.engine import Engine
from runtime.errors import UserError, did_you_mean
from runtime.events import KnobTurn


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


def preset_positions(card: Card, name: str) -> tuple[float, ...]:
    """Knob positions of the card's preset of that name; UserError that suggests the nearest."""
    presets = {preset.name: preset.latents for preset in card.presets}
    if name not in presets:
        raise UserError("--preset", repr(name), f"a preset of {card.name}", did_you_mean(name, presets))
    return presets[name]
