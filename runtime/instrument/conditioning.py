"""Conditioning: the decoder's inputs that say which note to sound."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from runtime.acoustics.pitch import N_CHROMA


class Conditioning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The meaning of the decoder's inputs that follow its latents.

    kind: which inputs there are.
        `none`: no inputs.
        `chroma`: one input for each of the 12 pitch classes.
        `chroma+octave`: these 12 inputs, then one for each octave.
    lowest_note: the MIDI note, a C, at which the lowest octave begins.
    n_octaves: number of octaves.
    """

    kind: Literal["none", "chroma", "chroma+octave"] = "none"
    lowest_note: int = 0
    n_octaves: int = 0

    @property
    def size(self) -> int:
        """Number of inputs that follow the latents."""
        return {"none": 0, "chroma": N_CHROMA, "chroma+octave": N_CHROMA + self.n_octaves}[self.kind]

    @property
    def notes(self) -> range:
        """MIDI notes that the octaves cover; empty for a kind without octaves."""
        return range(self.lowest_note, self.lowest_note + N_CHROMA * self.n_octaves)

    def rows(self, notes: np.ndarray) -> np.ndarray:
        """The decoder's inputs for notes: float32 (n, size).

        A row is 1 at its note's pitch class (0 is C) and at its note's octave, and 0 elsewhere.

        notes: MIDI notes, (n,). ValueError if a note lies outside the octaves.
        """
        notes = np.asarray(notes, dtype=int)
        rows = np.zeros((len(notes), self.size), np.float32)
        if self.kind == "none":
            return rows
        index = np.arange(len(notes))
        rows[index, notes % N_CHROMA] = 1.0
        if self.kind == "chroma+octave":
            octaves = (notes - self.lowest_note) // N_CHROMA
            if octaves.size and (octaves.min() < 0 or octaves.max() >= self.n_octaves):
                reach = f"the {self.n_octaves} octaves from {self.lowest_note}"
                raise ValueError(f"notes {notes.min()} to {notes.max()} lie outside {reach}")
            rows[index, N_CHROMA + octaves] = 1.0
        return rows

    def nearest_note(self, pitch: float, note_range: tuple[int, int]) -> int:
        """The MIDI note to decode for a pitch; transposition makes up the difference.

        For `chroma+octave`: the nearest note in the range. For `chroma`: the same pitch class in the range's lowest
        octave. For `none`: the middle of the range.

        pitch: a fractional MIDI note number.
        note_range: the lowest and highest note that the model has learnt.
        """
        lowest, highest = note_range
        if self.kind == "none":
            return (lowest + highest) // 2
        if self.kind == "chroma":
            return min(highest, lowest + (round(pitch) - lowest) % N_CHROMA)
        return min(max(round(pitch), lowest), highest)
