"""Decoded frames of notes that were played with the knobs where they are: a note struck again needs no decode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.voices import Voice


class RememberedFrames:
    """One frame a note, good for one position of the knobs; not of voices that turn a knob by themselves."""

    def __init__(self, note_range: tuple[int, int], n_magnitudes: int):
        self._lowest = note_range[0]
        n_notes = note_range[1] - note_range[0] + 1
        self._frames = np.zeros((n_notes, n_magnitudes), np.float32)
        self._serial = [-1] * n_notes

    def knows(self, voice: Voice, serial: int) -> bool:
        """Whether a voice's frame is here for the knobs' `serial`."""
        return not voice.own_turn and self._serial[voice.model_note - self._lowest] == serial

    def remember(self, voices: Sequence[Voice], frames: np.ndarray, serial: int) -> None:
        """Keep the frames (n, n_magnitudes) that were decoded for these voices."""
        for voice, frame in zip(voices, frames, strict=True):
            if not voice.own_turn:
                self._frames[voice.model_note - self._lowest] = frame
                self._serial[voice.model_note - self._lowest] = serial

    def recall(self, voices: Sequence[Voice], out: np.ndarray) -> np.ndarray:
        """Write the voices' frames into the first rows of `out`; returns these rows."""
        for voice, row in zip(voices, out, strict=False):
            row[:] = self._frames[voice.model_note - self._lowest]
        return out[: len(voices)]
