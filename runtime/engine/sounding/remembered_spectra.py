"""Remembers the newest spectrum of each note, so that a note that is struck again need not be decoded again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.voices.bank import Voice


class RememberedSpectra:
    """The newest spectrum of each model note, and the version of the knobs (SoundKnobs) for which it was decoded.

    Spectra of voices with an MPE slide are not remembered.
    """

    def __init__(self, note_range: tuple[int, int], n_bins: int):
        self._lowest = note_range[0]
        n_notes = note_range[1] - note_range[0] + 1
        self._magnitudes = np.zeros((n_notes, n_bins), np.float32)
        self._versions = [-1] * n_notes

    def knows(self, voice: Voice) -> bool:
        return not voice.slide and self._versions[voice.model_note - self._lowest] == voice.knobs.version

    def remember(self, voices: Sequence[Voice], magnitudes: np.ndarray) -> None:
        """Keep the spectrum of each voice as that of its model note; magnitudes: the spectra, (n_voices, n_bins)."""
        for voice, row in zip(voices, magnitudes, strict=True):
            if not voice.slide:
                self._magnitudes[voice.model_note - self._lowest] = row
                self._versions[voice.model_note - self._lowest] = voice.knobs.version

    def recall(self, voices: Sequence[Voice], out: np.ndarray) -> np.ndarray:
        """Write the spectra of the voices' model notes into the first rows of `out`, and return these rows."""
        for voice, row in zip(voices, out, strict=False):
            row[:] = self._magnitudes[voice.model_note - self._lowest]
        return out[: len(voices)]
