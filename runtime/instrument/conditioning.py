"""What the decoder is told beside its latents: the note's chroma, and its octave where the model knows octaves."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from runtime.acoustics.pitch import N_CHROMA


class Conditioning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Kind and reach of the conditioning.

    lowest_note: MIDI note (a C) of the lowest octave; n_octaves: how many octave inputs follow the chroma.
    Both matter for `chroma+octave` only.
    """

    kind: Literal["none", "chroma", "chroma+octave"] = "none"
    lowest_note: int = 0
    n_octaves: int = 0

    @property
    def size(self) -> int:
        """Number of inputs that follow the latents."""
        return {"none": 0, "chroma": N_CHROMA, "chroma+octave": N_CHROMA + self.n_octaves}[self.kind]

    def rows(self, notes: np.ndarray) -> np.ndarray:
        """One-hot conditioning rows float32 (n, size) of MIDI notes (n,); from C, then octaves from the lowest.

        Only the pitch class of a note counts for `chroma`. ValueError if a note lies outside the octaves.
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
