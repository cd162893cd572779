"""With even knobs, equal turns are equal steps of timbre."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from training.corpus.frames import FrameStore
from training.instrument.embedding import batches_of, decoder_inputs, embed_rows
from training.model.backend import prepare_keras
from training.model.run_folder import TrainedRun

prepare_keras()

from training.instrument.even_knobs import bend, even_values, with_even_knobs  # noqa: E402
from training.instrument.run_instrument import RunInstrument  # noqa: E402
from training.measure.playability import measure_knobs  # noqa: E402


def test_even_knobs_are_the_same_model_in_other_coordinates(knob_run: TrainedRun, store: FrameStore):
    even = with_even_knobs(knob_run, store)
    rows = store.rows("train")
    notes = store.note[rows].astype(int)
    old, new = (r.decode(decoder_inputs(r, embed_rows(r, store, rows), notes)) for r in (knob_run, even))
    assert np.abs(old - new).max() < 1e-4
    before, after = (measure_knobs(RunInstrument(r, store), seed=3)[0]["unevenness"] for r in (knob_run, even))
    assert after < max(0.5 * before, 0.1)
    knobs = RunInstrument(even, store).card.latents
    assert [(round(knob.min, 2), round(knob.max, 2)) for knob in knobs] == [(0.0, 1.0)] * 2


def test_the_bent_encoder_follows_the_curve_through_the_values(knob_run: TrainedRun, store: FrameStore):
    values = even_values(RunInstrument(knob_run, store))
    assert (np.diff(values, axis=1) > 0.0).all()
    bent = bend(knob_run.autoencoder, values)
    inputs = batches_of(knob_run, store).encoder_inputs(store.rows("train")[:16])
    old, new = (np.asarray(model.encoder.predict_on_batch(inputs)) for model in (knob_run.autoencoder, bent))
    for index, column in enumerate(values):
        inside = (old[:, index] >= column[0]) & (old[:, index] <= column[-1])
        expected = np.interp(old[:, index], column, np.linspace(0.0, 1.0, len(column)))
        assert new[inside, index] == pytest.approx(expected[inside], abs=1e-4)


def test_a_run_without_even_knobs_stays_the_same(knob_run: TrainedRun, store: FrameStore):
    untouched = replace(knob_run, recipe=msgspec.structs.replace(knob_run.recipe, even_knobs=False))
    assert with_even_knobs(untouched, store) is untouched
