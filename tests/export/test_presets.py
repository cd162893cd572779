"""Presets are chosen by a score that is high for spectra in tune."""

from __future__ import annotations

import numpy as np
import pytest

from export.presets import pitch_score
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from training.corpus.frames import Clip, sound_name
from training.hearing.harmonics import energy_shares

SPEC = StftSpec()


def spectrum(*partials: tuple[float, float]) -> np.ndarray:
    time_s = np.arange(SPEC.frame_size) / SPEC.sample_rate_hz
    return magnitude_frames(sum(a * np.sin(2.0 * np.pi * f * time_s) for f, a in partials), SPEC)[0]


def harmonic(note: float, n: int = 8) -> list[tuple[float, float]]:
    return [(float(note_to_hz(note)) * k, 1.0 / k) for k in range(1, n + 1)]


@pytest.mark.parametrize("note", [48, 57, 64, 72, 83, 96])
def test_a_harmonic_note_lies_on_its_own_harmonics(note: int):
    assert energy_shares(spectrum(*harmonic(note))[None], np.array([note]), SPEC)[0, 0] > 0.98
    assert energy_shares(spectrum(*harmonic(note + 7, 1))[None], np.array([note]), SPEC)[0, 0] < 0.05


def test_the_score_counts_notes_in_tune_and_their_energy():
    frames = np.stack([spectrum(*harmonic(60)), spectrum(*harmonic(65))])
    assert pitch_score(frames, np.array([60, 65]), SPEC) > 0.95
    assert pitch_score(frames, np.array([60, 66]), SPEC) < 0.6


@pytest.mark.parametrize(
    ("name", "note", "expected"),
    [
        ("Glass Pad C4", 60, "Glass Pad"),
        ("C4", 60, "C4"),
        ("Glass Pad C4", None, "Glass Pad C4"),
        ("Bell_F#3", 54, "Bell"),
    ],
)
def test_a_sound_has_its_clip_s_name_without_the_note(name: str, note: int | None, expected: str):
    assert sound_name(Clip(name, "train", note)) == expected
