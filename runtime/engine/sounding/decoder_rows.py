"""The decoder's input rows: for each voice its latents, then the conditioning of its note."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.control.sound_knobs import SoundKnobs
from runtime.engine.voices.bank import Voice
from runtime.instrument.card import Card

_N_VERSIONS = 8


class DecoderRows:
    """Writes the decoder's input rows; caches each lane's conditioning until the lane's note changes.

    Attribute:
    moved: the modulated positions that `fill` last got for each lane's latents, float32 (n_lanes, n_latents).
    """

    def __init__(self, card: Card, n_lanes: int):
        self._latents = card.latents
        lowest, highest = card.note_range
        self._lowest_note = lowest
        self._conditioning = card.conditioning.rows(np.arange(lowest, highest + 1))
        self._rows = np.zeros((n_lanes, card.n_inputs), np.float32)  # a row for each lane; its latents are not used
        self.moved = np.zeros((n_lanes, card.n_latents), np.float32)
        self._notes = [-1] * n_lanes
        # Knob positions in the decoder's units, one row for each of the newest versions of the knobs.
        self._values, self._next_row = np.zeros((_N_VERSIONS, card.n_latents), np.float32), 0
        self._versions = [-1] * _N_VERSIONS
        self._lowest = np.array([latent.min for latent in card.latents])
        self._travels = np.array([latent.max for latent in card.latents]) - self._lowest

    def fill(self, rows: np.ndarray, voices: Sequence[Voice], positions: np.ndarray | None = None) -> None:
        """Write the decoder's inputs for each voice into a row of `rows`.

        rows: (n_rows, n_inputs), at least one row for each voice.
        voices: ascending by lane.
        positions: the positions of the latents, (n_voices, n_latents); None for the positions of the knobs.
        """
        n, n_latents = len(voices), len(self._latents)
        sliding = self._follow_notes(voices)
        first, last = voices[0].lane, voices[-1].lane
        if last - first == n - 1:
            rows[:n] = self._rows[first : last + 1]
        else:
            for row, voice in zip(rows, voices, strict=False):
                row[:] = self._rows[voice.lane]
        if positions is not None:
            rows[:n, :n_latents] = self._lowest + positions * self._travels
            if last - first == n - 1:
                self.moved[first : last + 1] = positions
            else:
                for position, voice in zip(positions, voices, strict=True):
                    self.moved[voice.lane] = position
        elif [voice.knobs for voice in voices].count(voices[0].knobs) == n:
            rows[:n, :n_latents] = self._values_of(voices[0].knobs)
        else:
            for row, voice in zip(rows, voices, strict=False):
                row[:n_latents] = self._values_of(voice.knobs)
        for row in sliding:
            position = voices[row].knobs.positions[0] if positions is None else positions[row, 0]
            position = min(1.0, max(0.0, position + voices[row].slide))
            rows[row, 0] = self._latents[0].value_at(position)

    def _values_of(self, knobs: SoundKnobs) -> np.ndarray:
        if knobs.version not in self._versions:
            row = self._values[self._next_row]
            for k, (latent, position) in enumerate(zip(self._latents, knobs.positions, strict=True)):
                row[k] = latent.value_at(position)
            self._versions[self._next_row] = knobs.version
            self._next_row = (self._next_row + 1) % _N_VERSIONS
        return self._values[self._versions.index(knobs.version)]

    def _follow_notes(self, voices: Sequence[Voice]) -> list[int]:
        """Write the conditioning of lanes whose notes have changed; return the indices of the voices that have an MPE
        slide.
        """
        sliding, notes = [], self._notes
        for number, voice in enumerate(voices):
            if notes[voice.lane] != voice.model_note:
                notes[voice.lane] = voice.model_note
                row = self._conditioning[voice.model_note - self._lowest_note]
                self._rows[voice.lane, len(self._latents) :] = row
            if voice.slide:
                sliding.append(number)
        return sliding
