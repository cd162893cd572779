"""An exported instrument computes what Keras computes, describes itself, and the runtime accepts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import export.to_onnx
from export.__main__ import main
from export.instrument import encoder_path, export_instrument
from export.to_onnx import convert
from runtime.acoustics.spectrum import StftSpec
from runtime.base.errors import UserError
from runtime.base.private_onnxruntime import onnxruntime
from runtime.instrument.card import METADATA_KEY, OUTPUT_NAME
from runtime.instrument.conditioning import Conditioning
from runtime.instrument.decoder import Decoder
from tests.support.harmonic_store import NOTES, SPEC, TILTS
from tests.support.places import ROOT
from training.corpus.frames import FrameStore
from training.instrument.embedding import batches_of, embed_rows
from training.instrument.knobs import describe_latents
from training.learning.train import train
from training.model.recipe import load_recipe
from training.model.run_folder import TrainedRun

RECIPES = ROOT / "configs" / "training"


@pytest.fixture(scope="module")
def run(store: FrameStore, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    folder = tmp_path_factory.mktemp("run") / "tones"
    train(load_recipe(RECIPES / "tiny.yaml", epochs=30), store, folder)
    return TrainedRun.open(folder)


@pytest.fixture(scope="module")
def instrument(run: TrainedRun, store: FrameStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("instruments") / "tones.onnx"
    assert export_instrument(run, store, path, "Tones", n_points=20) == [path, path.with_name("tones.encoder.onnx")]
    return path


def test_the_runtime_plays_what_keras_learned(instrument: Path, run: TrainedRun, store: FrameStore):
    decoder = Decoder(instrument)
    rows = store.rows("test")[:16]
    inputs = np.concatenate([embed_rows(run, store, rows), batches_of(run, store).conditioning_rows(rows)], axis=1)
    decoder.inputs[:16] = inputs
    assert np.abs(decoder.decode(16) - run.decode(inputs)).max() <= 1e-5


def test_the_card_says_what_was_trained_and_on_what(instrument: Path, store: FrameStore):
    card = Decoder(instrument).card
    assert (card.name, card.sample_rate_hz, card.frame_size, card.hop_size) == ("Tones", 44100, 1024, 256)
    assert card.note_range == (min(NOTES), max(NOTES))
    assert card.conditioning == Conditioning("chroma+octave", lowest_note=84, n_octaves=2)
    assert card.corpus["name"] == "harmonic tones"
    assert card.licence == "CC0-1.0"
    assert card.training["epochs"] == 30
    assert card.training["environment"]["keras"]
    assert card.measured["parity_decoder"] <= 1e-5
    assert 0.0 < card.measured["test_mse"] < 1e-3
    assert np.shape(card.check.input) == (1, card.n_inputs)
    assert np.shape(card.check.output) == (1, SPEC.n_bins)
    assert np.max(card.check.output) == pytest.approx(1.0, abs=0.2)


def test_presets_are_training_patches_and_the_first_plays_in_tune(instrument: Path, run: TrainedRun):
    card = Decoder(instrument).card
    names = [preset.name for preset in card.presets]
    assert set(names) == {name for name, (split, _) in TILTS.items() if split == "train"}
    positions = np.array([preset.latents for preset in card.presets])
    latents = np.repeat(card.latents_at(positions[:1]), len(NOTES), axis=0)
    frames = run.decode(np.concatenate([latents, card.conditioning.rows(np.array(NOTES))], axis=1))
    fundamental_bins = np.argmax(frames, axis=1)
    expected = np.rint(440.0 * 2.0 ** ((np.array(NOTES) - 69) / 12.0) / SPEC.bin_hz)
    assert np.array_equal(fundamental_bins, expected)


def test_the_knobs_travel_covers_the_training_sounds_and_no_more(run: TrainedRun, store: FrameStore, instrument: Path):
    latents = embed_rows(run, store, store.rows("train"))
    card = Decoder(instrument).card
    low, high = np.array([(knob.min, knob.max) for knob in card.latents]).T
    inside = (latents >= low - 1e-6) & (latents <= high + 1e-6)
    assert np.all(inside.mean(axis=0) > 0.97)
    assert np.all(low >= latents.min(axis=0) - 1e-6)
    assert np.all(high <= latents.max(axis=0) + 1e-6)


def test_an_unused_latent_still_makes_a_valid_knob():
    embedding = np.stack([np.linspace(-5.0, 5.0, 1001), np.full(1001, 0.25)], axis=1)
    used, unused = describe_latents(embedding, "lrelu")
    assert (used.min, used.max, used.default) == pytest.approx((-4.9, 4.9, 0.0), abs=1e-5)
    assert unused.min < unused.default < unused.max
    at_the_edge = describe_latents(np.ones((9, 1)), "sigmoid")[0]
    assert 0.0 <= at_the_edge.min < at_the_edge.max <= 1.0


def test_the_encoder_s_file_gives_the_latents_and_a_check(instrument: Path, run: TrainedRun, store: FrameStore):
    session = onnxruntime.InferenceSession(str(encoder_path(instrument)), providers=["CPUExecutionProvider"])
    assert [end.name for end in session.get_inputs()] == ["magnitude", "chroma"]
    assert [end.name for end in session.get_outputs()] == ["latents"]
    text = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
    rows = store.rows("val")[:5]
    magnitude, chroma = batches_of(run, store).encoder_inputs(rows)
    latents = session.run(None, {"magnitude": magnitude, "chroma": chroma})[0]
    assert np.abs(latents - embed_rows(run, store, rows)).max() <= 1e-5
    names = [entry["name"] for entry in text["inputs"]]
    check = {name: np.array([row], np.float32) for name, row in zip(names, text["check"]["input"], strict=True)}
    assert np.abs(session.run(None, check)[0][0] - text["check"]["output"]).max() <= 1e-5
    assert text["encoder_of"] == "Tones"


def test_nothing_is_written_if_keras_and_onnx_differ(
    run: TrainedRun, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    faithful = convert

    def unfaithful(model: object, output_name: str) -> object:
        onnx_model = faithful(model, output_name)
        kernel = max(onnx_model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        kernel.raw_data = (np.frombuffer(kernel.raw_data, np.float32) * np.float32(1.001)).tobytes()
        return onnx_model

    monkeypatch.setattr("export.instrument.convert", unfaithful)
    with pytest.raises(UserError, match=r"differs.*nothing was written"):
        export_instrument(run, store, tmp_path / "tones.onnx", "Tones", n_points=20)
    assert list(tmp_path.iterdir()) == []
    assert export.to_onnx.PARITY_TOLERANCE == 1e-5


def test_a_file_that_is_there_is_kept_unless_forced(run: TrainedRun, store: FrameStore, tmp_path: Path):
    path = tmp_path / "tones.onnx"
    encoder_path(path).write_text("mine")
    with pytest.raises(UserError, match=r"tones\.encoder\.onnx.*--force"):
        export_instrument(run, store, path, "Tones", n_points=20)
    assert [kept.name for kept in tmp_path.iterdir()] == ["tones.encoder.onnx"]
    export_instrument(run, store, path, "Tones", force=True, n_points=20)
    assert Decoder(path).card.name == "Tones"


@pytest.mark.parametrize("conditioning", ["none", "chroma"])
def test_models_of_the_paper_export_too(store: FrameStore, tmp_path: Path, conditioning: str):
    text = (RECIPES / "tiny.yaml").read_text().replace("chroma+octave", conditioning).replace("known", "detected")
    text = text.replace("sigmoid", "lrelu").replace("augmentation: chroma", "augmentation: first_order_difference")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    train(load_recipe(recipe), store, tmp_path / "run")
    export_instrument(TrainedRun.open(tmp_path / "run"), store, tmp_path / "paper.onnx", "Paper")
    card = Decoder(tmp_path / "paper.onnx").card
    assert card.conditioning.kind == conditioning
    assert card.presets
    session = onnxruntime.InferenceSession(str(tmp_path / "paper.encoder.onnx"), providers=["CPUExecutionProvider"])
    assert [end.name for end in session.get_inputs()] == ["magnitude"]


@pytest.mark.parametrize("name", ["virtual-analogue", "paper-one-octave-2-sigmoid-skip"])
def test_full_size_decoders_stay_below_12_mb(name: str):
    from training.model.autoencoder import build_autoencoder

    recipe = load_recipe(RECIPES / f"{name}.yaml").model
    conditioning = Conditioning(recipe.conditioning, 36, 6)
    decoder = build_autoencoder(recipe, StftSpec(), conditioning, 0).decoder
    assert len(convert(decoder, OUTPUT_NAME).SerializeToString()) < 11_900_000


def test_the_command_exports_and_mistakes_end_with_one_line(run: TrainedRun, store: FrameStore, tmp_path: Path):
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "export", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )

    out = str(tmp_path / "tones.onnx")
    done = command(str(run.folder), "--corpus", str(store.folder), "--out", out)
    assert done.returncode == 0, done.stderr
    assert Decoder(out).card.name == "tones"
    for arguments, expected in [
        ([str(run.folder), "--out", out], "--force"),
        ([str(tmp_path), "--out", str(tmp_path / "other.onnx")], "train"),
        ([str(run.folder), "--out", str(tmp_path / "tones.wav")], ".onnx"),
    ]:
        refused = command(*arguments)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1
        assert expected in refused.stderr


def test_no_points_are_refused_before_anything_is_loaded(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["nowhere", "--out", str(tmp_path / "x.onnx"), "--points", "0"]) == 2
    assert "--points: found 0; expected at least 1" in capsys.readouterr().err


def test_a_folder_as_target_is_refused_before_anything_is_loaded(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "x.onnx").mkdir()
    assert main(["nowhere", "--out", str(tmp_path / "x.onnx"), "--force"]) == 2
    assert "x.onnx: found a folder; expected a path for a file" in capsys.readouterr().err


def test_mistakes_are_reported_before_keras_is_loaded(tmp_path: Path):
    """The report of a mistake must be one line, but TensorFlow prints four lines while it is loaded."""
    program = (
        "import sys; from export.__main__ import main; status = main(sys.argv[1:]); "
        "print('keras' in sys.modules); sys.exit(status)"
    )
    refused = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), "--out", str(tmp_path / "x.onnx")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (refused.returncode, refused.stdout) == (2, "False\n"), refused.stderr
