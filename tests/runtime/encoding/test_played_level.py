"""The level of a sound is that of its recording, whatever the shape of the spectra that play it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec
from runtime.encoding.candidates import Coder, Options, coder_of, encode_recording
from runtime.encoding.level import level_curve_db
from runtime.instrument.card import Card
from tests.soak.encode_recordings import FlatComb, rendered
from tests.support.playing import decoder

RATE_HZ, NOTE, SECONDS = 44100, 70, 1.2
SPEC = StftSpec()


class NoisyTone(FlatComb):
    """A tone; with the first knob at 1, there is a louder noise above it."""

    def decode_apart(self, rows: np.ndarray) -> np.ndarray:
        low, high = self.card.latents_at(np.zeros(2)), self.card.latents_at(np.ones(2))
        amount = (rows[:, :1] - low[0]) / (high[0] - low[0])
        hz = np.arange(SPEC.n_bins) * SPEC.bin_hz
        noise = 0.3 * amount * (hz > 5000.0) * (hz < 9000.0)
        return (super().decode_apart(rows) * (hz < 3500.0) + noise).astype(np.float32)


class FromToneToNoise:
    """An encoder that finds the first knob at 0 in the first half of the frames, and at 1 in the second."""

    def __init__(self, card: Card):
        self._card = card

    def latents(self, frames: np.ndarray, notes: np.ndarray) -> np.ndarray:
        halves = np.arange(len(frames))[:, None] >= len(frames) / 2
        return np.where(halves, self._card.latents_at(np.ones(2)), self._card.latents_at(np.zeros(2)))


def test_a_spectrum_whose_noise_the_colour_removes_is_as_loud_as_the_recording(tmp_path: Path) -> None:
    card = decoder().card
    coder = Coder(NoisyTone(card), FromToneToNoise(card), coder_of(decoder(), None).made_for)
    time_s = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    partials = (np.sin(2.0 * np.pi * k * note_to_hz(NOTE) * time_s + k * k) / k for k in range(1, 8))
    soundfile.write(tmp_path / "a.wav", 0.2 * sum(partials), RATE_HZ, subtype="FLOAT")
    options = Options(most=1, around=np.full(2, 0.5))
    reading = encode_recording(tmp_path / "a.wav", coder, options)[0].reading
    level_db = level_curve_db(rendered(reading, coder), RATE_HZ, 100.0)
    first_db, second_db = (level_db[round(a / 0.005) : round(b / 0.005)].mean() for a, b in ((0.1, 0.5), (0.7, 1.1)))
    assert abs(first_db - second_db) < 0.27
