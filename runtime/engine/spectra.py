"""From knobs and notes to spectra: what is decoded when, and what need not be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.control.knobs import Timbre
from runtime.engine.synthesis.hops import MAX_ROWS
from runtime.engine.synthesis.lane_sound import VoiceRings
from runtime.engine.voices.bank import Voice
from runtime.instrument.decoder import MAX_BATCH, Decoder


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
