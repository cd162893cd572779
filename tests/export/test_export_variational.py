"""A beta-VAE is exported like any other model, and sounds the same afterwards."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from export.instrument import encoder_path, export_instrument
from export.to_onnx import run_onnx
from runtime.engine.engine import Engine
from runtime.events import NoteOn
from runtime.instrument.decoder import Decoder
from tests.support.harmonic_store import write_store
from tests.support.places import TRAINING_CONFIGS
from training.instrument.embedding import batches_of, embed_rows
from training.instrument.run_instrument import RunInstrument
from training.learning.train import train
from training.measure.traversals import render
from training.model.recipe import BetaRecipe, load_recipe
from training.model.run_folder import TrainedRun

TINY = TRAINING_CONFIGS / "tiny.yaml"


@pytest.mark.parametrize("conditioning", ["none", "chroma"])
def test_the_encoder_gives_the_mean_and_the_decoder_plays(conditioning: str, tmp_path: Path):
    store = write_store(tmp_path / "frames")
    tiny = load_recipe(TINY, epochs=15)
    model = msgspec.structs.replace(tiny.model, bottleneck="variational", conditioning=conditioning)
    fit = msgspec.structs.replace(tiny.fit, loss_reduction="sum", beta=BetaRecipe(start=1e-6, step=0.0))
    train(msgspec.structs.replace(tiny, model=model, fit=fit), store, tmp_path / "run")
    run = TrainedRun.open(tmp_path / "run")
    path = export_instrument(run, store, tmp_path / "vae.onnx", "VAE")[0]

    rows = store.rows("val")[:9]
    magnitude, chroma = batches_of(run, store).encoder_inputs(rows)
    latents = run_onnx(encoder_path(path).read_bytes(), {"magnitude": magnitude, "chroma": chroma})
    assert np.abs(latents - embed_rows(run, store, rows)).max() <= 1e-5

    engine = Engine(Decoder(path), 4, 44100)
    engine.post(NoteOn(0, 90, 100))
    block = np.zeros((44100, 2), np.float32)
    engine.render(block)
    card = Decoder(path).card
    assert card.conditioning.kind == conditioning
    note = sum(card.note_range) // 2  # at this note, the sound of a model without conditioning is not transposed
    instrument = RunInstrument(run, store)
    # The knobs start at the first preset, so both instruments need the same presets.
    instrument.card = msgspec.structs.replace(instrument.card, presets=card.presets)
    unexported = render(instrument, note, 0.3)
    assert np.abs(unexported - render(Decoder(path), note, 0.3)).max() < 0.001 * np.abs(unexported).max()
    assert np.isfinite(block).all()
    assert np.abs(block[22050:]).max() > 0.01
