"""The ear of the workshop: synthetic notes of known pitch from C1 to C8, and what must not be heard as them."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.pitch import note_to_hz
from runtime.spectrum import StftSpec, magnitude_frames
from training.heard_pitch import heard_notes, in_tune

SPEC = StftSpec()


def frame(note: float, amplitudes: list[float], seed: int = 0) -> np.ndarray:
    """One frame (1, n_bins) of harmonics with these amplitudes, at random phases."""
    time_s = np.arange(SPEC.frame_size) / SPEC.sample_rate_hz
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(amplitudes))
    f0 = float(note_to_hz(note))
    partials = [(k * f0, a, p) for k, (a, p) in enumerate(zip(amplitudes, phases, strict=True), start=1)]
    return magnitude_frames(sum(a * np.sin(2 * np.pi * f * time_s + p) for f, a, p in partials if f < 20000.0), SPEC)


# Above C6 too few harmonics are left to make a missing fundamental heard.
@pytest.mark.parametrize(
    ("kind", "note"),
    [(kind, note) for kind in ("saw", "square") for note in range(24, 109, 3)]
    + [("no fundamental", note) for note in range(24, 85, 3)],
)
def test_known_notes_are_heard_from_c1_to_c8(kind: str, note: int):
    amplitudes = [1.0 / k for k in range(1, 17)]
    if kind == "square":
        amplitudes = [a if k % 2 == 0 else 0.0 for k, a in enumerate(amplitudes)]
    elif kind == "no fundamental":
        amplitudes[0] = 0.0
    assert abs(heard_notes(frame(note, amplitudes), SPEC)[0] - note) < 0.2


def test_a_neighbour_an_octave_and_a_sub_octave_are_told_apart():
    saw = [1.0 / k for k in range(1, 17)]
    assert in_tune(frame(60, saw), np.array([60]), SPEC).all()
    for other in (48, 59, 61, 72):
        assert not in_tune(frame(60, saw), np.array([other]), SPEC).any()
    mixed = frame(60, saw) + frame(48, saw)
    assert heard_notes(mixed, SPEC)[0] == pytest.approx(48, abs=0.3)


def test_silence_is_no_note():
    assert np.isnan(heard_notes(np.zeros((1, SPEC.n_bins)), SPEC)).all()
