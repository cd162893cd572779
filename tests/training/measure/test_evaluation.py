"""`evaluate` gives the right figures for models with known figures, and writes files that can be read."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from runtime.base.errors import UserError
from runtime.instrument.decoder import Decoder
from tests.support.harmonic_store import NOTES, write_store
from tests.support.places import ROOT
from training.__main__ import main
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.measure.evaluation import evaluate, measure_embedding
from training.model.recipe import Recipe, load_recipe
from training.model.run_folder import TrainedRun


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    tiny = load_recipe(ROOT / "configs" / "training" / "tiny.yaml", epochs=30)
    model = msgspec.structs.replace(tiny.model, conditioning="chroma", augmentation="none")
    return msgspec.structs.replace(tiny, model=model)


@pytest.fixture(scope="module")
def run_folder(store: FrameStore, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "tones"
    train(recipe, store, folder)
    return folder


def test_a_model_of_clear_tones_plays_the_chroma_asked_for(run_folder: Path, store: FrameStore):
    evaluation = evaluate(TrainedRun.open(run_folder), store, n_per_axis=12)
    report, latents = evaluation.report, evaluation.latents
    assert report["mesh"]["n_points"] == 144
    assert report["mesh"]["bounds"] == [[0.0, 1.0], [0.0, 1.0]]
    assert report["mesh"]["accuracy"] > 0.9
    assert latents.shape == (len(store.rows("train")), 2)
    assert report["mse"]["test"] < 0.05 * float(np.mean(np.square(store.magnitudes)))
    table = {row["pitch_class"]: row for row in report["pitch_classes"]}
    played = {"C", "E", "G", "B", "D", "F"}
    assert len(played) == len({note % 12 for note in NOTES})
    for name, row in table.items():
        assert (row["mesh_accuracy"] is None) == (row["test_mse"] is None) == (name not in played)
        assert (row["n_train_frames"] > 0) == (name in played)


def test_a_model_that_ignores_the_chroma_is_right_for_one_class_in_six(
    store: FrameStore, run_folder: Path, recipe: Recipe
):
    trained = TrainedRun.open(run_folder)
    kernel = trained.decoder.get_layer("decoder_1").kernel
    blind = np.array(kernel.numpy())
    blind[recipe.model.n_latents :] = 0.0
    kernel.assign(blind)
    assert evaluate(trained, store, n_per_axis=4).report["mesh"]["accuracy"] == pytest.approx(1.0 / 6.0)


def test_silent_bins_and_their_error_are_reported(store: FrameStore, run_folder: Path):
    trained = TrainedRun.open(run_folder)
    before = evaluate(trained, store, n_per_axis=4).report
    output = trained.decoder.get_layer("magnitude")
    kernel, bias = (np.array(weight.numpy()) for weight in (output.kernel, output.bias))
    kernel[:, :100], bias[:100] = 0.0, -1.0
    output.kernel.assign(kernel)
    output.bias.assign(bias)
    report = evaluate(trained, store, n_per_axis=4).report
    assert before["silent_bins"] < report["silent_bins"] <= before["silent_bins"] + 100
    test = store.magnitudes[store.rows("test")]
    lost = float(np.square(test[:, :100]).sum() / test.size)
    assert lost <= report["test_mse_of_silent_bins"] <= report["mse"]["test"]
    assert report["test_mse_of_silent_bins"] <= before["test_mse_of_silent_bins"] + lost


def test_without_conditioning_there_is_no_mesh(store: FrameStore, recipe: Recipe, tmp_path: Path):
    model = msgspec.structs.replace(recipe.model, conditioning="none")
    fit = msgspec.structs.replace(recipe.fit, epochs=1)
    train(msgspec.structs.replace(recipe, model=model, fit=fit), store, tmp_path / "run")
    report = evaluate(TrainedRun.open(tmp_path / "run"), store).report
    assert report["mesh"] is None
    assert all(row["mesh_accuracy"] is None for row in report["pitch_classes"])


def test_density_and_correlation_of_known_embeddings():
    axis = np.linspace(0.0, 1.0, 101)
    square = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    full = measure_embedding(square)
    assert full["density"] == 1.0
    assert full["correlation"][0][1] == pytest.approx(0.0, abs=1e-12)
    line = measure_embedding(np.stack([axis, -3.0 * axis + 1.0], axis=-1))
    assert 1.0 / 50.0 <= line["density"] < 2.0 / 50.0
    assert line["correlation"][0][1] == pytest.approx(-1.0)
    assert line["bounds"] == [[0.0, 1.0], [-2.0, 1.0]]
    assert measure_embedding(np.stack([axis, np.ones(101)], axis=-1))["correlation"][0][1] is None


def test_the_command_writes_report_table_and_figure(run_folder: Path, store: FrameStore, tmp_path: Path):
    arguments = ["evaluate", str(run_folder), "--corpus", str(store.folder), "--mesh", "5"]
    arguments += ["--out", str(tmp_path / "tables"), "--json", str(tmp_path / "report.json")]
    done = subprocess.run(
        [sys.executable, "-m", "training", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "C#, D#, F#, G#, A, A#" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert report == json.loads((tmp_path / "tables" / "evaluation.json").read_text())
    assert report["environment"]["keras"]
    rows = list(csv.DictReader((tmp_path / "tables" / "pitch_classes.csv").open()))
    assert [row["pitch_class"] for row in rows][:3] == ["C", "C#", "D"]
    assert float(rows[0]["test_mse"]) == pytest.approx(report["pitch_classes"][0]["test_mse"])
    assert rows[1]["mesh_accuracy"] == ""
    for name in ("embedding", "mesh", "traversals"):
        image = imread(tmp_path / "tables" / f"{name}.png")
        assert image.shape[0] > 400
        assert image.std() > 0.01
    assert soundfile.info(tmp_path / "tables" / "traversals.ogg").duration > 2.0


@pytest.mark.parametrize(("value", "message"), [(np.nan, "not numbers"), (0.0, "silence")])
def test_a_store_with_bad_frames_is_refused(
    run_folder: Path, store: FrameStore, tmp_path: Path, value: float, message: str
):
    bad = write_store(tmp_path / "bad")
    magnitudes = np.memmap(bad.folder / "magnitudes.f32", "<f4", "r+", shape=bad.magnitudes.shape)
    magnitudes[17] = value
    magnitudes.flush()
    with pytest.raises(UserError, match=rf"{message} in frame 17, clip 'soft C6'.*timbrebox corpus"):
        evaluate(TrainedRun.open(run_folder), FrameStore.open(bad.folder))


def test_an_instrument_file_is_measured_without_its_run(tmp_path: Path, capsys: pytest.CaptureFixture):
    tiny = ROOT / "tests" / "data" / "tiny.onnx"
    assert main(["evaluate", str(tiny), "--points", "30", "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "evaluation.json").read_text())
    assert report["instrument"] == "tiny.onnx"
    assert report["playing"]["points"]["n_points"] == 30
    assert report["playing"]["reach"] is None
    assert len(report["playing"]["knobs"]) == len(Decoder(tiny).card.latents)
    assert imread(tmp_path / "pitch_map.png").shape[2] == 4
    assert "played at 30 notes and knob positions: in tune" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.onnx"], "no such file"),
        (["tests/data/tiny.onnx", "--mesh", "5"], "--mesh"),
        (["tests/data/tiny.onnx", "--points", "0"], "--points"),
        (["nothing.onnx", "--out", "README.md"], "README.md/evaluation.json: found Not a directory"),
        (["nowhere", "--json", "docs"], "docs: found a folder"),
        (["nowhere", "--mesh", "1"], "--mesh: found 1; expected at least 2"),
    ],
)
def test_mistakes_with_an_instrument_are_one_clear_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.chdir(ROOT)
    assert main(["evaluate", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]


def test_a_run_that_knows_octaves_is_played(store: FrameStore, tmp_path: Path, capsys: pytest.CaptureFixture):
    recipe = load_recipe(ROOT / "configs" / "training" / "tiny.yaml", epochs=30)
    train(recipe, store, tmp_path / "run")
    assert main(["evaluate", str(tmp_path / "run"), "--points", "40", "--mesh", "4"]) == 0
    playing = json.loads((tmp_path / "run" / "evaluation" / "evaluation.json").read_text())["playing"]
    assert 0.2 < playing["points"]["in_tune"] <= 1.0  # a low limit: the corpus has 6 of the model's 18 notes
    assert 0.0 < playing["reach"]["nearest_db"] <= playing["reach"]["reconstruction_db"]
    assert imread(tmp_path / "run" / "evaluation" / "pitch_map.png").size
