"""Finds knob positions in an instrument's card: those with which the instrument starts, and those of a preset."""

from __future__ import annotations

from runtime.base.errors import UserError, did_you_mean
from runtime.instrument.card import Card


def start_positions(card: Card) -> tuple[float, ...]:
    """Knob positions (0 to 1) of the card's first preset, or the knobs' defaults if the card has no presets."""
    return card.presets[0].latents if card.presets else tuple(card.default_positions.tolist())


def preset_positions(card: Card, name: str) -> tuple[float, ...]:
    """Knob positions (0 to 1) of the preset with this name.

    If there is no such preset: a UserError that suggests a similar name, or lists all names.
    """
    presets = {preset.name: preset.latents for preset in card.presets}
    if name not in presets:
        raise UserError("--preset", repr(name), f"a preset of {card.name}", did_you_mean(name, presets))
    return presets[name]
