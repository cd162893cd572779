"""An instrument's large weights are stored in half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from export.half import round_weights
from export.instrument import encoder_path, export_instrument
from export.to_onnx import convert, run_onnx
from runtime.base.errors import UserError
from runtime.instrument.card import INPUT_NAME, OUTPUT_NAME, parse_card
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import load_encoder
from tests.support.harmonic_run import RECIPE
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.model.run_folder import TrainedRun


@pytest.fixture(scope="module")
def instrument(store: FrameStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half")
    train(RECIPE.with_epochs(2), store, folder / "run")
    run = TrainedRun.open(folder / "run")
    return export_instrument(run, store, folder / "tones.onnx", "Tones", n_points=20)[0]


@pytest.mark.parametrize("which", [lambda path: path, encoder_path])
def test_the_large_tensors_are_halves(instrument: Path, which):
    tensors = onnx.load(which(instrument)).graph.initializer
    large = [tensor for tensor in tensors if np.prod(tensor.dims) >= 256]
    assert large
    assert all(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in large)


def test_a_note_s_row_is_found_by_its_number_with_the_same_bytes(instrument: Path):
    operators = [node.op_type for node in onnx.load(instrument).graph.node]
    assert operators.count("ArgMax") == operators.count("Gather") == 1
    run = TrainedRun.open(instrument.parent / "run")
    round_weights(run.autoencoder.full)
    product = convert(run.decoder, OUTPUT_NAME)
    assert "ArgMax" not in [node.op_type for node in product.graph.node]
    conditioning = run.record.conditioning
    n_latents = len(Decoder(instrument).card.latents)
    knobs = np.random.default_rng(0).random((len(conditioning.notes), n_latents), np.float32)
    rows = {INPUT_NAME: np.hstack([knobs, conditioning.rows(np.array(conditioning.notes))])}
    by_product = run_onnx(product.SerializeToString(), rows)
    assert np.ptp(by_product, axis=0).max() > 0.0
    np.testing.assert_array_equal(run_onnx(instrument.read_bytes(), rows), by_product)


def test_the_card_names_its_encoder_and_its_sources(instrument: Path):
    card = Decoder(instrument).card
    assert card.card_version == 2
    assert card.encoder.file == "tones.encoder.onnx"
    assert [(source.name, source.licence) for source in card.sources] == [("made here", "CC0-1.0")]
    assert set(card.embedding.labels) == {"soft", "round", "plain", "bright"}
    assert np.array(card.embedding.map_2d).min() == 0.0
    assert np.array(card.embedding.map_2d).max() == 1.0
    assert len(card.embedding.latents) == len(card.embedding.labels) == len(card.embedding.map_2d)
    load_encoder(Decoder(instrument))


def test_presets_are_named_after_sounds_and_figures_of_likeness_are_kept(instrument: Path):
    card = Decoder(instrument).card
    assert [preset.name for preset in card.presets] == ["soft", "round", "plain", "bright"]
    for name in ("in_tune", "octave_off", "path_db", "still_db", "heldout_path_db", "told_apart_still"):
        assert isinstance(card.measured[name], float), name


def test_a_card_of_version_1_loads_and_one_of_version_3_is_refused(instrument: Path):
    text = Decoder(instrument).card.to_json()
    assert parse_card(text.replace('"card_version":2', '"card_version":1'), "x").encoder is not None
    with pytest.raises(UserError, match="found 3 at card_version"):
        parse_card(text.replace('"card_version":2', '"card_version":3'), "x")
