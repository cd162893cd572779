"""Training learns; a killed and continued run equals an unbroken run bit by bit."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.base.errors import UserError
from tests.support.harmonic_store import write_store
from tests.support.places import ROOT
from training.corpus.frames import FrameStore
from training.instrument.embedding import split_errors
from training.learning.train import train
from training.model.backend import BACKENDS
from training.model.checkpoint import Checkpoint
from training.model.recipe import Recipe, load_recipe
from training.model.run_folder import TrainedRun

TINY = ROOT / "configs" / "training" / "tiny.yaml"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(TINY)


@pytest.fixture(scope="module")
def finished(store: FrameStore, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run's folder, which no test may change."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    train(recipe, store, folder)
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def command(store: FrameStore, folder: Path, n_epochs: int) -> list[str]:
    return [
        *(sys.executable, "-m", "training", "train", str(TINY)),
        *("--corpus", str(store.folder), "--out", str(folder), "--epochs", str(n_epochs)),
    ]


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )


def states(folder: Path) -> list[np.ndarray]:
    checkpoint = Checkpoint.load(folder / "checkpoint.npz")
    return checkpoint.weights + checkpoint.moments


def assert_bit_equal(first: Path, second: Path) -> None:
    pairs = list(zip(states(first), states(second), strict=True))
    assert len(pairs) > 10
    assert all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def test_a_killed_run_continues_and_ends_bit_equal(store: FrameStore, tmp_path: Path):
    n_epochs = 20
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finished = run(command(store, whole, n_epochs))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("training on: ")
    assert " left" in finished.stdout

    process = subprocess.Popen(command(store, killed, n_epochs), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 3/"):
            break
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    n_done = len(Checkpoint.load(killed / "checkpoint.npz").history)
    assert 3 <= n_done < n_epochs
    (killed / ".checkpoint.npz.1.part").write_bytes(b"half a checkpoint")

    resumed = run(command(store, killed, n_epochs))
    assert resumed.returncode == 0, resumed.stderr
    assert f"going on after epoch {n_done}" in resumed.stdout
    assert_bit_equal(whole, killed)
    assert np.array_equal(
        Checkpoint.load(whole / "best.npz").weights[0], Checkpoint.load(killed / "best.npz").weights[0]
    )
    assert not list(killed.glob(".*.part"))
    rows = list(csv.DictReader((killed / "metrics.csv").open()))
    assert [int(row["epoch"]) for row in rows] == list(range(1, n_epochs + 1))
    record = json.loads((killed / "run.json").read_text())
    assert record["finished"]
    assert [session["from_epoch"] for session in record["sessions"]] == [1, n_done + 1]


def test_training_learns_and_records_the_errors_of_the_saved_weights(store: FrameStore, recipe: Recipe, tmp_path: Path):
    train(recipe.with_fit(epochs=30), store, tmp_path / "run")
    trained = TrainedRun.open(tmp_path / "run")
    frames = np.asarray(store.magnitudes)
    mean = frames[store.rows("train")].mean(axis=0)
    baseline = float(np.mean(np.square(frames[store.rows("val")] - mean)))
    errors = split_errors(trained, store)
    assert errors["val"] == pytest.approx(trained.history[-1]["val_loss"], rel=1e-4)
    assert errors["val"] < 0.3 * baseline
    best = TrainedRun.open(tmp_path / "run", "best")
    assert split_errors(best, store)["val"] == pytest.approx(min(row["val_loss"] for row in best.history), rel=1e-4)


def test_training_for_more_epochs_later_equals_one_long_run(store: FrameStore, recipe: Recipe, tmp_path: Path):
    train(recipe.with_fit(epochs=2), store, tmp_path / "twice")
    train(recipe.with_fit(epochs=4), store, tmp_path / "twice")
    train(recipe.with_fit(epochs=4), store, tmp_path / "once")
    assert_bit_equal(tmp_path / "twice", tmp_path / "once")
    train(recipe.with_fit(epochs=3), store, tmp_path / "twice")
    assert_bit_equal(tmp_path / "twice", tmp_path / "once")


def test_another_run_s_folder_is_kept_unless_forced(store: FrameStore, recipe: Recipe, copied: Path, tmp_path: Path):
    folder = copied
    before = (folder / "checkpoint.npz").read_bytes()
    with pytest.raises(UserError, match=r"another config.*--force"):
        train(recipe.with_fit(seed=1), store, folder)
    other_store = write_store(tmp_path / "other", notes=(60, 62, 64))
    with pytest.raises(UserError, match=r"another corpus.*--force"):
        train(recipe, other_store, folder)
    assert (folder / "checkpoint.npz").read_bytes() == before
    train(recipe, other_store, folder, force=True)
    assert TrainedRun.open(folder).record.corpus.fingerprint == other_store.fingerprint()
    assert len(TrainedRun.open(folder).record.sessions) == 1
    with pytest.raises(UserError, match=r"another corpus.*--corpus"):
        TrainedRun.open(folder).open_store(store.folder)


def test_a_folder_of_other_things_is_never_touched(store: FrameStore, recipe: Recipe, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(UserError, match="folder of other things"):
            train(recipe, store, tmp_path, force)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_training_works_without_validation_frames(recipe: Recipe, tmp_path: Path):
    store = write_store(tmp_path / "frames")
    store.split[:] = 0
    record = train(recipe, store, tmp_path / "run")
    assert record.finished
    assert "" in next(csv.DictReader((tmp_path / "run" / "metrics.csv").open())).values()


def test_a_diverged_run_is_a_user_error_and_keeps_the_last_epoch(store: FrameStore, recipe: Recipe, copied: Path):
    checkpoint = Checkpoint.load(copied / "checkpoint.npz")
    n_done = len(checkpoint.history)
    checkpoint.weights[0][:] = np.nan
    checkpoint.save(copied / "checkpoint.npz")
    with pytest.raises(UserError, match=rf"epoch {n_done + 1}.*not finite.*learning_rate"):
        train(recipe.with_fit(epochs=n_done + 1), store, copied)
    assert len(Checkpoint.load(copied / "checkpoint.npz").history) == n_done


def test_a_damaged_checkpoint_is_the_user_s_error(store: FrameStore, recipe: Recipe, copied: Path):
    (copied / "checkpoint.npz").write_bytes(b"PK but no more")
    with pytest.raises(UserError, match=r"damaged.*--force"):
        train(recipe.with_fit(epochs=3), store, copied)


def test_mistakes_on_the_command_line_end_with_one_line_and_status_2(store: FrameStore, tmp_path: Path):
    for arguments, expected in [
        (["nowhere.yaml", "--corpus", str(store.folder)], "nowhere.yaml"),
        ([str(TINY), "--corpus", str(tmp_path)], "corpus"),
        ([str(TINY), "--corpus", str(store.folder), "--epochs", "0"], "--epochs"),
    ]:
        done = run([sys.executable, "-m", "training", "train", *arguments])
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert expected in done.stderr


def test_help_does_not_import_tensorflow(tmp_path: Path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('tensorflow was imported')")
    (tmp_path / "keras.py").write_text("raise SystemExit('keras was imported')")
    for arguments in (["--help"], ["train", "--help"], ["evaluate", "--help"], ["corpus", "--help"]):
        done = run([sys.executable, "-m", "training", *arguments], PYTHONPATH=str(tmp_path))
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed with the workshop")
def test_jax_trains_the_same_model(store: FrameStore, tmp_path: Path):
    for backend in BACKENDS:
        done = run(command(store, tmp_path / backend, 3), KERAS_BACKEND=backend)
        assert done.returncode == 0, done.stderr
    pairs = list(zip(states(tmp_path / "jax"), states(tmp_path / "tensorflow"), strict=True))
    assert max(float(np.abs(a - b).max()) for a, b in pairs) < 1e-3
    losses = [[row["loss"] for row in Checkpoint.load(tmp_path / name / "checkpoint.npz").history] for name in BACKENDS]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
