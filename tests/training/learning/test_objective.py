"""The parts of the training objective work, and a model trained with it plays in tune."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from runtime.acoustics.heard_pitch import heard_notes
from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.conditioning import Conditioning
from tests.support.harmonic_run import MODEL, RECIPE
from tests.support.harmonic_store import NOTES, SPEC
from tests.support.synthetic_instrument import lobes
from training.corpus.frames import FrameStore
from training.instrument.embedding import decoder_inputs
from training.model.backend import prepare_keras
from training.model.batches import N_PROBE_NOTES, N_QUANTILES, FrameBatches
from training.model.recipe import FitRecipe, Recipe, resolve_conditioning
from training.model.run_folder import TrainedRun

prepare_keras()

from training.instrument.run_instrument import RunInstrument  # noqa: E402
from training.learning.heard_pitch import HeardPitch  # noqa: E402
from training.learning.objective import Objective  # noqa: E402
from training.measure.playability import measure_knobs  # noqa: E402
from training.model.autoencoder import build_autoencoder, note_combs  # noqa: E402


def batches_of(store: FrameStore, **fit: object) -> FrameBatches:
    recipe = msgspec.structs.replace(RECIPE, fit=msgspec.structs.replace(FitRecipe(batch_size=16), **fit))
    return FrameBatches(store, recipe, resolve_conditioning(recipe, store))


def objective_of(batches: FrameBatches) -> Objective:
    model = build_autoencoder(batches.recipe.model, batches.store.spec, batches.conditioning, 0)
    return Objective(model, batches.recipe, batches)


def first_batch(batches: FrameBatches) -> tuple[list, dict]:
    inputs, extras, _ = next(batches.batches(batches.epoch(1), epoch=1))
    return inputs, extras


def test_mixed_pairs_have_one_note_and_the_seed_gives_the_order_of_an_epoch(store: FrameStore):
    batches = batches_of(store, mixup=True)
    rows = batches.epoch(3)
    notes = store.note[rows].reshape(-1, 2)
    assert (notes[:, 0] == notes[:, 1]).all()
    assert len(set(rows.tolist())) == len(rows) >= len(store.rows("train")) - len(NOTES)
    assert np.array_equal(rows, batches.epoch(3))
    assert not np.array_equal(rows, batches.epoch(4))


def test_mixing_a_frame_with_itself_changes_nothing(store: FrameStore):
    batches = batches_of(store, mixup=True)
    objective = objective_of(batches)
    inputs, extras = first_batch(batches)
    twins = [np.repeat(values[::2], 2, axis=0) for values in inputs]
    mixed = np.asarray(objective(twins, extras, training=True))
    whole = np.asarray(objective(twins, {"mixup_share": np.ones_like(extras["mixup_share"])}, training=True))
    assert mixed == pytest.approx(whole, rel=1e-4)


def test_the_paper_s_objective_is_its_mean_squared_error(store: FrameStore):
    recipe = Recipe(labels="known", model=msgspec.structs.replace(MODEL, compression=1, comb_floor_db=None))
    batches = FrameBatches(store, recipe, resolve_conditioning(recipe, store))
    model = build_autoencoder(recipe.model, store.spec, batches.conditioning, 0)
    inputs = batches.inputs(store.rows("train")[:16])
    errors = np.asarray(Objective(model, recipe, batches)(inputs, {}, training=False))
    output = np.asarray(model.full.predict_on_batch(inputs))
    assert errors == pytest.approx(np.square(output - inputs[0]).mean(axis=1), rel=1e-4)


def test_a_wrong_pitch_is_penalised_by_its_weight_and_the_right_one_is_not(store: FrameStore):
    batches, note = batches_of(store, pitch_penalty=2.0), 84
    objective, k = objective_of(batches), np.arange(1, 9)
    extras = {"probe_notes": np.repeat(note - batches.conditioning.lowest_note, N_PROBE_NOTES)}
    costs = {}
    for name, amplitudes in {"right": 1.0 / k, "octave": np.where(k % 2, 0.0, 1.0)}.items():
        probed = np.tile(lobes(note, amplitudes, SPEC), (N_PROBE_NOTES, 1, 1))
        objective._add_pitch_penalty(probed, extras)
        costs[name] = float(objective.losses[-1])
        own = np.asarray(HeardPitch(SPEC, batches.conditioning).penalty(probed, extras["probe_notes"]))
        assert costs[name] == pytest.approx(2.0 * own.mean(), rel=1e-4)
    assert costs["right"] == 0.0
    assert costs["octave"] > 0.2


def test_knob_quantiles_rise_and_every_note_has_some(store: FrameStore):
    quantiles = batches_of(store, knobs=("brightness",)).knob_quantiles()
    assert quantiles.shape == (24, N_QUANTILES, 1)
    assert (np.diff(quantiles[:, :, 0], axis=1) >= 0.0).all()
    assert np.isfinite(quantiles).all()


def test_a_comb_keeps_the_lowest_note_in_tune():
    spec, conditioning = StftSpec(), Conditioning("chroma+octave", 36, 1)
    comb = note_combs(spec, conditioning, floor_db=-60.0)
    assert comb.max() <= 1.0
    assert comb.min() == pytest.approx(1e-3)
    dull = np.arange(spec.n_bins) * spec.bin_hz < 2000.0
    assert np.abs(heard_notes(comb * dull, spec) - np.arange(36, 48)).max() < 0.1


def test_a_trained_model_plays_its_notes_at_any_knob_position(knob_run: TrainedRun, store: FrameStore):
    random = np.random.default_rng(0)
    notes = random.choice(NOTES, 200)
    frames = knob_run.decode(decoder_inputs(knob_run, random.random((200, 2)), notes))
    assert np.mean(np.abs(heard_notes(frames, SPEC) - notes) <= 0.2) > 0.95


def test_notes_missing_from_the_corpus_are_heard_at_their_pitch(knob_run: TrainedRun):
    random = np.random.default_rng(1)
    notes = random.choice([note for note in range(min(NOTES), max(NOTES)) if note not in NOTES], 200)
    frames = knob_run.decode(decoder_inputs(knob_run, random.random((200, 2)), notes))
    assert np.mean(np.abs(heard_notes(frames, SPEC) - notes) < 0.5) > 0.9  # semitones


def test_a_named_knob_changes_its_descriptor(knob_run: TrainedRun, store: FrameStore):
    knob = measure_knobs(RunInstrument(knob_run, store))[0]
    assert knob["name"] == "brightness"
    assert knob["follows"]["brightness"] > 0.9


def test_the_learning_rate_falls_by_equal_ratios():
    fit = FitRecipe(epochs=3, learning_rate=0.01, final_learning_rate=0.0001)
    assert [fit.learning_rate_at(epoch) for epoch in (1, 2, 3)] == pytest.approx([0.01, 0.001, 0.0001])
    assert FitRecipe().learning_rate_at(7) == FitRecipe().learning_rate
