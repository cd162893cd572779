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
        self.latent_of_control = {c: k - 1 for c, k in latent_controls.items() if k <= card.n_latents}
        notes = np.arange(card.note_range[0], card.note_range[1] + 1)
        self._conditioning = dict(zip(notes.tolist(), card.conditioning.rows(notes), strict=True))

    def turn(self, latent: int, position: float) -> None:
        """Move one knob; a latent that the instrument lacks is ignored, a position is kept within 0 to 1."""
        if 0 <= latent < len(self.positions):
            self.positions[latent] = min(1.0, max(0.0, position))
            self.serial += 1

    def fill_row(self, row: np.ndarray, note: int) -> None:
        """Write the decoder's input for a note: latents in their own units, then the note's conditioning."""
        row[: self._card.n_latents] = self._card.latents_at(self.positions)
        row[self._card.n_latents :] = self._conditioning[self.playable_note(note)]

    def playable_note(self, note: int) -> int:
        """The note itself within the model's range, else the same pitch class in the nearest octave there."""
        lowest, highest = self._card.note_range
        if note < lowest:
            note += -(-(lowest - note) // N_CHROMA) * N_CHROMA
        elif note > highest:
            note -= -(-(note - highest) // N_CHROMA) * N_CHROMA
        return min(max(note, lowest), highest)
