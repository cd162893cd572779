"""In training, a frame costs something if the pitch detector hears another pitch than that of the frame's note."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.heard_pitch import IN_TUNE_CENTS, cents_off
from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.conditioning import Conditioning
from tests.support.synthetic_instrument import lobes
from training.model.backend import prepare_keras

prepare_keras()

import keras  # noqa: E402
from keras import ops  # noqa: E402

from training.learning.heard_pitch import HeardPitch  # noqa: E402

SPEC, CONDITIONING = StftSpec(), Conditioning("chroma+octave", 36, 5)
NUMBERS = np.arange(1, 13)
FALLING = 1.0 / NUMBERS


@pytest.fixture(scope="module")
def heard() -> HeardPitch:
    return HeardPitch(SPEC, CONDITIONING)


def costs_of(heard: HeardPitch, frames: np.ndarray, note: int) -> np.ndarray:
    numbers = np.array([note - CONDITIONING.lowest_note])
    return np.asarray(heard.penalty(frames.astype(np.float32)[None], numbers))[0]


@pytest.mark.parametrize("note", [45, 51, 60, 84, 95])
def test_a_note_costs_nothing_whatever_its_timbre(heard: HeardPitch, note: int):
    hollow = np.where(NUMBERS % 2, FALLING, 0.02)
    nearly_a_sine = np.where(NUMBERS == 1, 1.0, 0.01)
    frames = np.stack([lobes(note, values, SPEC) for values in (FALLING, hollow, nearly_a_sine)])
    assert (costs_of(heard, frames, note) == 0.0).all()


@pytest.mark.parametrize("note", [51, 60, 84])
def test_another_pitch_costs(heard: HeardPitch, note: int):
    octave = lobes(note, np.where(NUMBERS % 2, 0.0, 1.0), SPEC)
    third = lobes(note, np.where(NUMBERS % 3, 0.0, 1.0), SPEC)
    below = lobes(note - 12, FALLING, SPEC)
    beside = lobes(note + 0.4, FALLING, SPEC)
    noise = np.random.default_rng(0).random(SPEC.n_bins)
    assert (costs_of(heard, np.stack([octave, third, below, beside, noise]), note) > 0.05).all()


def test_notes_that_the_detector_cannot_hear_cost_nothing():
    low = HeardPitch(SPEC, Conditioning("chroma+octave", 0, 1))
    frames = np.random.default_rng(2).random((1, 3, SPEC.n_bins)).astype(np.float32)
    assert (np.asarray(low.penalty(frames, np.array([5]))) == 0.0).all()


def test_what_costs_nothing_is_heard_in_tune(heard: HeardPitch):
    random, n_free = np.random.default_rng(1), 0
    for note in range(36, 96, 5):
        frames = np.stack([_any_frame(note, random) for _ in range(40)])
        free = costs_of(heard, frames, note) == 0.0
        assert (np.abs(cents_off(frames, np.full(40, note), SPEC))[free] <= IN_TUNE_CENTS).all()
        n_free += free.sum()
    assert 100 <= n_free <= 400  # of 480 frames, so the test has seen both costs of 0 and costs above 0


def test_falling_along_the_slope_of_the_cost_mends_a_note(heard: HeardPitch):
    note = 60
    frame = lobes(note, np.where(NUMBERS % 2, 0.05, 1.0), SPEC).astype(np.float32)
    assert costs_of(heard, frame[None], note)[0] > 0.0
    levels = keras.Variable(np.log(frame + 1e-3))
    numbers, step = np.array([note - CONDITIONING.lowest_note]), keras.optimizers.Adam(0.1)
    for _ in range(60):
        step.apply([_slope(heard, levels, numbers)], [levels])
    mended = np.exp(np.asarray(levels.value))
    assert costs_of(heard, mended[None], note)[0] == 0.0
    assert abs(cents_off(mended[None], np.array([note]), SPEC)[0]) <= IN_TUNE_CENTS


def _slope(heard: HeardPitch, levels: keras.Variable, numbers: np.ndarray):
    """The derivative of a frame's cost with respect to `levels`, the logarithms of its magnitudes: (n_bins,)."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        cost = ops.sum(heard.penalty(ops.exp(levels.value)[None, None], numbers))
    return tape.gradient(cost, levels.value)


def _any_frame(note: int, random: np.random.Generator) -> np.ndarray:
    """A frame with harmonics of random levels, somewhat out of tune, and often with some noise: (n_bins,)."""
    amplitudes = FALLING * 10.0 ** (random.uniform(-30.0, 0.0, len(NUMBERS)) / 20.0)
    frame = lobes(note + random.normal(0.0, 0.1), amplitudes, SPEC)
    return frame + random.choice([0.0, 0.01, 0.05]) * random.random(SPEC.n_bins) * frame.max()
