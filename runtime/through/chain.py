"""The effect's chain: spectra of a sound become spectra of the instrument."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.heard_pitch import PitchDetector
from runtime.acoustics.pitch import N_CHROMA
from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.decoder import MAX_BATCH, Decoder
from runtime.instrument.encoder import Encoder
from runtime.through.band_colour import BandColour
from runtime.through.pitch_follower import PitchFollower
from runtime.through.settings import EffectSettings, LatentMover
from runtime.through.stretching import Stretcher

MOST_ROWS = MAX_BATCH // 2  # a frame may need two decodes: of its encoded latents and of its moved latents
LEAST_PEAK = 1e-6  # a frame is silent if its highest magnitude is below LEAST_PEAK times the frame size
# The pitch detector reads only the bins up to about this frequency, a little above the highest pitch that it finds.
PITCH_BAND_HZ = 5500.0
_TINY = np.float32(1e-20)


def spec_at(card_spec: StftSpec, rate_hz: float) -> StftSpec:
    """The transform for sound at any sample rate. Its frames last about as long as those of the card's transform."""
    doublings = round(float(np.log2(rate_hz / card_spec.sample_rate_hz)))
    frame_size = max(64, int(card_spec.frame_size * 2.0**doublings))
    return StftSpec(rate_hz, frame_size, frame_size // 4, card_spec.window)


class Chain:
    """Turns spectra of a sound, frame by frame, into spectra of the instrument.

    decoder, encoder: used by this chain alone.
    spec: the transform of the sound.
    n_rows: the most frames in one call, 1 to MOST_ROWS.
    """

    def __init__(self, decoder: Decoder, encoder: Encoder, spec: StftSpec, n_rows: int = MOST_ROWS):
        card = decoder.card
        self._decoder, self._encoder, self.spec = decoder, encoder, spec
        self._conditioning = card.conditioning.rows(np.arange(card.note_range[0], card.note_range[1] + 1))
        self._lowest_note, self._n_latents = card.note_range[0], card.n_latents
        self._model_heard, self._heard = card.spec.first_heard_bin, spec.first_heard_bin
        self._bin_ratio = spec.bin_hz / card.spec.bin_hz
        self._follower = PitchFollower(card)
        self._mover = LatentMover(card, spec.hop_size / spec.sample_rate_hz)
        self._colour = BandColour(spec, n_rows)
        self._to_model = Stretcher(spec.n_bins, card.spec.n_bins)
        self._from_model = Stretcher(card.spec.n_bins, spec.n_bins)
        share = 2 ** max(0, int(np.log2(0.5 * spec.sample_rate_hz / PITCH_BAND_HZ)))
        pitch_spec = StftSpec(spec.sample_rate_hz / share, spec.frame_size // share, spec.hop_size // share)
        self._pitch, self._n_pitch_bins = PitchDetector(pitch_spec, n_rows), pitch_spec.n_bins
        self._magnitudes, self._decoded, self._moved = np.zeros((3, n_rows, spec.n_bins), np.float32)
        self._peaks, self._levels, self._ours = np.zeros((3, n_rows, 1), np.float32)
        self._steps, self._is_heard = [1.0] * n_rows, [False] * n_rows
        self.set(EffectSettings())

    @property
    def settings(self) -> EffectSettings:
        return self._mover.settings

    def set(self, settings: EffectSettings) -> None:
        """Use these settings from the next frame on."""
        self._mover.set(settings)

    def convert(self, spectra: np.ndarray) -> None:
        """Turn spectra of the sound into spectra of the instrument, in place.

        spectra: those of the next frames, complex64 (n, n_bins).
        """
        n, settings = len(spectra), self.settings
        magnitudes, moved = self._magnitudes[:n], self._moved[:n]
        np.abs(spectra, out=magnitudes)
        magnitudes[:, : self._heard] = 0.0
        np.maximum.reduce(magnitudes, axis=1, keepdims=True, out=self._peaks[:n])
        notes = self._follow(magnitudes)
        self._encode(magnitudes, notes)
        self._decode(n, notes)
        if settings.colour > 0.0:
            self._colour.put(self._colour.find(self._decoded[:n], magnitudes), settings.colour, moved)
        self._give_levels(magnitudes, moved)
        if settings.wet < 1.0:
            moved *= np.float32(settings.wet)
            moved += np.float32(1.0 - settings.wet)
        spectra *= moved

    def _follow(self, magnitudes: np.ndarray) -> list[int]:
        """Find the note to decode for each frame, and return these notes.

        Also fill `_is_heard` (whether the frame is not silent) and `_steps` for each frame. Bin k of the frame's
        spectrum matches bin k * step of the spectrum that is decoded for the frame.
        """
        heard = self._pitch.notes(magnitudes[:, : self._n_pitch_bins])
        notes, follower = [], self._follower
        for row, note in enumerate(heard):
            self._is_heard[row] = bool(self._peaks[row, 0] > LEAST_PEAK * self.spec.frame_size)
            if self._is_heard[row]:
                follower.follow(float(note))
            notes.append(follower.note)
            self._steps[row] = self._bin_ratio * 2.0 ** ((follower.note - follower.pitch) / N_CHROMA)
        return notes

    def _encode(self, magnitudes: np.ndarray, notes: list[int]) -> None:
        encoder = self._encoder
        for row, note in enumerate(notes):
            frame = encoder.magnitudes[row]
            self._to_model.stretch(magnitudes[row], 1.0 / self._steps[row], frame)
            frame[: self._model_heard] = 0.0
            peak = np.maximum.reduce(frame)
            if not (self._is_heard[row] and peak > 0.0):
                self._is_heard[row], peak = False, 1.0
            frame /= peak
            if encoder.reads_chroma:
                encoder.set_chroma(row, note)
        self._mover.keep_last(encoder.encode(len(notes)), self._is_heard[: len(notes)])

    def _decode(self, n: int, notes: list[int]) -> None:
        inputs, latents = self._decoder.inputs, self._encoder.outputs[:n]
        inputs[:n, : self._n_latents] = latents
        self._mover.move(latents)
        n_kinds = 2 if self._mover.moves else 1
        inputs[n : 2 * n, : self._n_latents] = latents
        for row, note in enumerate(notes):
            inputs[row, self._n_latents :] = inputs[n + row, self._n_latents :] = self._conditioning[
                note - self._lowest_note
            ]
        decoded = self._decoder.decode(n_kinds * n)
        for row in range(n):
            self._from_model.stretch(decoded[row], self._steps[row], self._decoded[row])
            if n_kinds == 2:
                self._from_model.stretch(decoded[n + row], self._steps[row], self._moved[row])
        self._decoded[:n, : self._heard] = 0.0
        if n_kinds == 1:
            self._moved[:n] = self._decoded[:n]
        else:
            self._moved[:n, : self._heard] = 0.0

    def _give_levels(self, magnitudes: np.ndarray, moved: np.ndarray) -> None:
        """Replace the instrument's spectra in `moved` by factors for the sound's spectra.

        A spectrum of the sound, times its factors, has the shape of the instrument's spectrum and the level and phases
        of the sound.
        """
        n = len(magnitudes)
        levels, ours = self._levels[:n], self._ours[:n]
        power = self._decoded[:n]
        np.square(magnitudes, out=power)
        np.add.reduce(power, axis=1, keepdims=True, out=levels)
        np.square(moved, out=power)
        np.add.reduce(power, axis=1, keepdims=True, out=ours)
        np.maximum(ours, _TINY, out=ours)
        levels /= ours
        np.sqrt(levels, out=levels)
        moved *= levels
        np.maximum(magnitudes, _TINY, out=magnitudes)
        moved /= magnitudes
        moved[:, : self._heard] = 0.0
