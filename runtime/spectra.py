"""From knobs and notes to spectra: what is decoded when, and what need not be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.decoder import MAX_BATCH, Decoder
from runtime.remembered_frames import RememberedFrames
from runtime.synthesis import MAX_ROWS
from runtime.timbre import Timbre
from runtime.voice_rings import VoiceRings
from runtime.voices import Voice


class Spectra:
    """Gives voices the spectra that the knobs ask for; n_decoded: how many it had to decode."""

    def __init__(self, instrument: Decoder, timbre: Timbre, rings: VoiceRings):
        self.n_decoded = 0
        self._instrument, self._timbre, self._rings = instrument, timbre, rings
        self._remembered = RememberedFrames(instrument.card.note_range, instrument.card.spec.n_bins)

    def give(self, voices: Sequence[Voice], opening: bool) -> None:
        """Give voices, ascending by lane, their spectra; opening: some of them begin, and may be known already."""
        serial, remembered = self._timbre.serial, self._remembered
        known = [voice for voice in voices if remembered.knows(voice, serial)] if opening else []
        unknown = [voice for voice in voices if voice not in known] if known else voices
        for first in range(0, len(unknown), MAX_BATCH):
            batch = unknown[first : first + MAX_BATCH]
            self._timbre.fill_rows(self._instrument.inputs, batch)
            frames = self._instrument.decode(len(batch))
            if opening:
                remembered.remember(batch, frames, serial)
            self._set(batch, frames)
        if known:
            self._set(known, remembered.recall(known, self._instrument.magnitudes))
        self.n_decoded += len(unknown)

    def _set(self, voices: Sequence[Voice], frames: np.ndarray) -> None:
        lanes, semitones = [voice.lane for voice in voices], [voice.key_offset for voice in voices]
        for first in range(0, len(voices), MAX_ROWS):
            rows = slice(first, first + MAX_ROWS)
            self._rings.set_spectra(lanes[rows], frames[rows], semitones[rows])
        for voice in voices:
            voice.spectrum_serial = self._timbre.serial
