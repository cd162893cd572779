"""The knobs: where each latent stands, and the decoder's input for a note played with them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runtime.card import Card
from runtime.pitch import N_CHROMA


class Timbre:
    """Knob positions, shared by all voices, and what moves them.

    positions: float32 (n_latents,), 0 to 1 of each latent's playable travel. serial: counts the turns, so that a
    voice knows whether its spectrum is still the one that the knobs ask for.
    """

    def __init__(self, card: Card, latent_controls: Mapping[int, int]):
        self._card = card
        self.positions = card.default_positions
        if card.presets:
            self.positions = np.array(card.presets[0].latents, np.float32)
        self.serial = 0
        self._own = self.positions.copy()
        self.latent_of_control = {c: k - 1 for c, k in latent_controls.items() if k <= card.n_latents}
        notes = np.arange(card.note_range[0], card.note_range[1] + 1)
        self._conditioning = dict(zip(notes.tolist(), card.conditioning.rows(notes), strict=True))

    def turn(self, latent: int, position: float) -> None:
        """Move one knob; a latent that the instrument lacks is ignored, a position is kept within 0 to 1."""
        if 0 <= latent < len(self.positions):
            self.positions[latent] = min(1.0, max(0.0, position))
            self.serial += 1

    def choose_preset(self, number: int) -> None:
        """Move every knob to the card's preset of that number, from 0, if there is one."""
        if number < len(self._card.presets):
            self.positions[:] = self._card.presets[number].latents
            self.serial += 1

    def fill_row(self, row: np.ndarray, model_note: int, own_turn: float) -> None:
        """Write the decoder's input: latents in their own units, then the note's conditioning.

        own_turn: how far this voice's first knob stands from everyone's.
        """
        self._own[:] = self.positions
        self._own[0] = min(1.0, max(0.0, self._own[0] + own_turn))
        row[: self._card.n_latents] = self._card.latents_at(self._own)
        row[self._card.n_latents :] = self._conditioning[model_note]

    def model_note(self, pitch: float) -> int:
        """The note to ask the model for when this pitch shall sound; what lies between them is transposed.

        The nearest in its range; a `chroma` model knows only the octave that its range begins with, a `none` model
        only one pitch, the middle of its range.
        """
        lowest, highest = self._card.note_range
        kind = self._card.conditioning.kind
        if kind == "none":
            return (lowest + highest) // 2
        if kind == "chroma":
            return min(highest, lowest + (round(pitch) - lowest) % N_CHROMA)
        return min(max(round(pitch), lowest), highest)
