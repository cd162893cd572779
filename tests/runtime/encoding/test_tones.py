"""`encode` avoids knob positions with power outside the harmonics' main tones, so a steady tone does not flutter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.encoding.candidates import Coder, Options, coder_of, encode_recording
from runtime.encoding.level import level_curve_db
from runtime.encoding.tones import loose_shares
from tests.soak.encode_recordings import FlatComb, NoEncoder, rendered
from tests.support.playing import decoder

RATE_HZ, NOTE = 44100, 70
F0_HZ = float(note_to_hz(NOTE))
SPEC = StftSpec()
N_HARMONICS = 10
NOISE = 0.0005


def tone(seconds: float, exponent: float) -> np.ndarray:
    """A tone whose harmonic k has the amplitude k ** exponent."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    partials = (k**exponent * np.sin(2.0 * np.pi * k * F0_HZ * time_s + k * k) for k in range(1, N_HARMONICS + 1))
    return (0.1 * sum(partials)).astype(np.float32)


def blurred(magnitudes: np.ndarray) -> np.ndarray:
    """The spectra with each lobe two bins wider; the power of each spectrum stays the same."""
    wide = sum(np.roll(magnitudes, shift, axis=-1) for shift in (-1, 0, 1))
    return wide * np.sqrt(np.square(magnitudes).sum(axis=-1) / np.square(wide).sum(axis=-1))[..., None]


def test_a_tone_is_not_loose_and_blunt_or_double_lobes_and_noise_are() -> None:
    steady = magnitude_frames(tone(0.1, -1.0), SPEC)[:1]
    double = steady.copy()
    peak = round(F0_HZ / SPEC.bin_hz)
    double[0, peak - 1 : peak + 4] = steady[0].max() * np.array([0.5, 1.0, 0.3, 0.9, 0.45], np.float32)
    noise = np.abs(np.random.default_rng(0).standard_normal((1, SPEC.n_bins))).astype(np.float32)
    silence = np.zeros((1, SPEC.n_bins), np.float32)
    frames = np.concatenate([steady, blurred(steady), double, noise, silence]).astype(np.float32)
    shares = loose_shares(frames, SPEC, F0_HZ)
    assert shares[0] < 0.01
    assert shares[1] > 0.9
    assert 0.2 < shares[2] < 0.8
    assert shares[3] > 0.7
    assert shares[4] == 1.0


class BlurringComb(FlatComb):
    """Its first knob goes from sharp lobes with noise to blurred lobes without noise. No colour removes the noise."""

    def decode_apart(self, rows: np.ndarray) -> np.ndarray:
        low, high = self.card.latents_at(np.zeros(2)), self.card.latents_at(np.ones(2))
        blur = ((rows[:, :1] - low[0]) / (high[0] - low[0])).clip(0.0, 1.0)
        sharp = super().decode_apart(rows)
        numbers = np.maximum(1.0, np.rint(np.arange(SPEC.n_bins) * SPEC.bin_hz / F0_HZ))
        power = (1.0 - blur) * np.square(sharp) + blur * np.square(blurred(sharp))
        power *= numbers**-2.0 * (numbers <= N_HARMONICS)
        power += (NOISE * (1.0 - blur)) ** 2
        return np.sqrt(power / power.max(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def coder() -> Coder:
    card = decoder().card
    return Coder(BlurringComb(card), NoEncoder(card), coder_of(decoder(), None).made_for)


def test_a_steady_recording_becomes_a_sound_that_does_not_flutter(tmp_path: Path, coder: Coder) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.6, -1.0), RATE_HZ, subtype="FLOAT")
    reading = encode_recording(tmp_path / "a.wav", coder, Options(most=1))[0].reading
    assert reading.note == NOTE
    level_db = level_curve_db(rendered(reading, coder), RATE_HZ, 100.0)[20:100]
    assert level_db.std() < 0.5
    assert reading.distance_db < 4.0
