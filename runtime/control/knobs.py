"""The knobs: where each latent stands, and the decoder's input for a note played with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runtime.acoustics.pitch import N_CHROMA
from runtime.engine.voices.bank import Voice
from runtime.instrument.card import Card


class Timbre:
    """Knob positions, shared by all voices, and what moves them.

    positions: a list, 0 to 1 of each latent's playable travel. serial: counts the turns, so that a
    voice knows whether its spectrum is still the one that the knobs ask for. blend: of the phases, from noise, 0, to
    coherent, 1. controls: the MIDI controls that move something here.
    """

    def __init__(
        self,
        card: Card,
        latent_controls: Mapping[int, int],
        n_lanes: int,
        phase_control: int | None = None,
        blend: float = 0.0,
    ):
        self._card = card
        self.positions = list(card.presets[0].latents) if card.presets else card.default_positions.tolist()
        self.serial = 0
        self._travels = [(latent.min, latent.max - latent.min) for latent in card.latents]
        self._latents = np.zeros(card.n_latents, np.float32)
        self._latents_serial = -1
        self._rows = np.zeros((n_lanes, card.n_inputs), np.float32)  # the decoder's input of each lane, less latents
        self._notes = [-1] * n_lanes  # whose conditioning they hold
        self.blend = blend
        self.phase_control = phase_control
        self.latent_of_control = {c: k - 1 for c, k in latent_controls.items() if k <= card.n_latents}
        self.controls = frozenset(self.latent_of_control) | ({phase_control} - {None})
        notes = np.arange(card.note_range[0], card.note_range[1] + 1)
        self._lowest_note = card.note_range[0]
        self._conditioning = card.conditioning.rows(notes)

    def turn(self, latent: int, position: float) -> None:
        """Move one knob; a latent that the instrument lacks is ignored, a position is kept within 0 to 1."""
        if 0 <= latent < len(self.positions):
            self.positions[latent] = position if 0.0 <= position <= 1.0 else float(position > 0.5)
            self.serial += 1

    def turn_blend(self, position: float) -> None:
        """Move the blend of phases, 0 to 1."""
        self.blend = min(1.0, max(0.0, position))

    def choose_preset(self, number: int) -> None:
        """Move every knob to the card's preset of that number, from 0, if there is one."""
        if number < len(self._card.presets):
            self.positions[:] = self._card.presets[number].latents
            self.serial += 1

    def fill_rows(self, rows: np.ndarray, voices: Sequence[Voice]) -> None:
        """Write the decoder's inputs of voices, ascending by lane: latents in their own units, then conditioning.

        A voice's `own_turn` is how far its first knob stands from everyone's.
        """
        n, n_latents = len(voices), self._card.n_latents
        if self._latents_serial != self.serial:
            for k, (low, travel) in enumerate(self._travels):
                self._latents[k] = low + self.positions[k] * travel
            self._latents_serial = self.serial
        notes, turned = self._notes, []
        for row, voice in enumerate(voices):
            if notes[voice.lane] != voice.model_note:
                notes[voice.lane] = voice.model_note
                self._rows[voice.lane, n_latents:] = self._conditioning[voice.model_note - self._lowest_note]
            if voice.own_turn:
                turned.append(row)
        first, last = voices[0].lane, voices[-1].lane
        if last - first == n - 1:
            rows[:n] = self._rows[first : last + 1]
        else:
            for row, voice in zip(rows, voices, strict=False):
                row[:] = self._rows[voice.lane]
        rows[:n, :n_latents] = self._latents
        for row in turned:
            low, travel = self._travels[0]
            rows[row, 0] = low + min(1.0, max(0.0, self.positions[0] + voices[row].own_turn)) * travel

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
