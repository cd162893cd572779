"""Harmonic numbers, energy shares, descriptors, ranks and `are_clear` are right for spectra of simple waveforms."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.synthetic_instrument import SPEC, lobes
from training.hearing.clear_frames import are_clear
from training.hearing.descriptors import describe, ranks
from training.hearing.harmonics import energy_shares, harmonic_numbers

K = np.arange(1, 21)
SAW, SQUARE, EVEN, THIRDS = 1.0 / K, np.where(K % 2, 1.0 / K, 0.0), np.where(K % 2, 0.0, 1.0), np.where(K % 3, 0.0, 1.0)


@pytest.mark.parametrize("note", [36, 60, 84])
def test_bins_of_a_harmonic_carry_its_number(note: int):
    numbers = harmonic_numbers(note, SPEC)
    for harmonic in (1, 2, 5):
        peak = round(harmonic * 440.0 * 2 ** ((note - 69) / 12) / SPEC.bin_hz)
        assert numbers[peak] == harmonic
    assert (numbers[: SPEC.first_heard_bin] == 0).all()


@pytest.mark.parametrize(
    ("amplitudes", "shares"), [(SAW, None), (SQUARE, (1, 1, None)), (EVEN, (1, 0, None)), (THIRDS, (1, None, 0))]
)
def test_energy_shares_follow_the_harmonics_amplitudes(amplitudes: np.ndarray, shares: tuple | None):
    found = energy_shares(lobes(60, amplitudes)[None], np.array([60]), SPEC)[0]
    assert found[0] > 0.99
    for value, expected in zip(found, shares or (), strict=False):
        assert expected is None or value == pytest.approx(expected, abs=0.01)


def test_descriptors_follow_what_they_are_named_after():
    noise = np.random.default_rng(0).random(SPEC.n_bins).astype(np.float32)
    frames = np.array([lobes(60, SAW), lobes(60, SAW**2), lobes(60, SQUARE), lobes(60, SAW) + 0.1 * noise])
    saw, dull, square, noisy = range(4)
    notes = np.full(4, 60)
    brightness, hollowness, body, breath = (
        describe(name, frames, notes, SPEC) for name in ("brightness", "hollowness", "body", "noise")
    )
    assert brightness[saw] > brightness[dull]
    assert brightness[noisy] > brightness[saw]
    assert hollowness[square] > hollowness[saw] + 20.0
    assert body[dull] > body[saw]
    assert breath[noisy] > breath[saw] + 10.0


def test_ranks_are_evenly_spaced_within_each_note_and_equal_values_share_one():
    found = ranks(np.array([5.0, 1.0, 3.0, 100.0, 7.0, 7.0]), np.array([60, 60, 60, 61, 62, 62]))
    assert found == pytest.approx([5 / 6, 1 / 6, 0.5, 0.5, 0.5, 0.5])


def test_only_frames_heard_at_their_note_are_clear():
    frames = np.array([lobes(60, SAW), lobes(60, SQUARE), lobes(60, EVEN), lobes(60, THIRDS), lobes(60.4, SAW)])
    assert are_clear(frames, np.full(5, 60), SPEC).tolist() == [True, True, False, False, False]
