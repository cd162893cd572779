"""The player's knobs: the position of each latent, and the blend of phases."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.control.targets import LATENT
from runtime.instrument.card import Card
from runtime.instrument.presets import start_positions
from runtime.sound.sound import SoundEffects


class Knobs:
    """The positions of the knobs, shared by all voices; at first as `start_positions` gives them.

    positions: one per latent, 0 to 1 of its travel. version: grows with every change of positions, so that a voice sees
    when its spectrum is out of date. blend: the blend of phases, from 0 for noise to 1 for coherent phases.
    """

    def __init__(self, card: Card, blend: float = 0.0, effects: SoundEffects = SoundEffects()):
        self.positions = list(start_positions(card))
        self.version = 0
        self.blend = blend
        self._sends = {"reverb": effects.reverb, "chorus": effects.chorus}
        self._latents = {f"{LATENT}{k + 1}": k for k in range(card.n_latents)}
        self._latents |= {LATENT + latent.name: k for k, latent in enumerate(card.latents)}

    def position(self, target: str) -> float | None:
        """Where a target stands, 0 to 1 of its travel; None for a target that this instrument does not have."""
        if target == "phase_blend":
            return self.blend
        if target in self._sends:
            return self._sends[target]
        return self.positions[self._latents[target]] if target in self._latents else None

    def move(self, target: str, position: float) -> None:
        """Move a target, limited to 0 to 1; one that the instrument does not have is ignored."""
        if target == "phase_blend":
            self.turn_blend(position)
        elif target in self._sends:
            self._sends[target] = min(1.0, max(0.0, position))
        else:
            self.turn(self._latents.get(target, -1), position)

    def turn(self, latent: int, position: float) -> None:
        """Move one knob to a position, limited to 0 to 1; a latent that the instrument does not have is ignored."""
        if 0 <= latent < len(self.positions):
            self.positions[latent] = position if 0.0 <= position <= 1.0 else float(position > 0.5)
            self.version += 1

    def turn_blend(self, position: float) -> None:
        """Move the blend of phases to a position, limited to 0 to 1."""
        self.blend = min(1.0, max(0.0, position))

    def choose(self, positions: Sequence[float]) -> None:
        """Move every knob."""
        self.positions[:] = positions
        self.version += 1
