"""Only a run with the same recipe and corpus goes on from a small checkpoint, which is much smaller than a full one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

import training.paper.reproduction
from runtime.base.errors import UserError
from tests.support.harmonic_store import write_store
from tests.support.places import TRAINING_CONFIGS
from tests.support.small_paper import VARIATIONAL, reproduce, write_plan, write_tones
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.model.checkpoint import Checkpoint
from training.model.recipe import Recipe, load_recipe
from training.model.run_folder import read_record
from training.paper.checkpoints import keep_checkpoint, restore_checkpoint

TINY = TRAINING_CONFIGS / "tiny.yaml"
N_EPOCHS = 15


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    tiny = load_recipe(TINY, N_EPOCHS)
    model = msgspec.structs.replace(tiny.model, encoder_widths=(256, 64), decoder_widths=(64, 256))
    fit = msgspec.structs.replace(tiny.fit, learning_rate=1e-3)  # so low that the error still falls after N_EPOCHS
    return msgspec.structs.replace(tiny, model=model, fit=fit)


@pytest.fixture(scope="module")
def folder(store: FrameStore, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "long"
    train(recipe, store, folder, on_epoch=lambda record: None)
    return folder


def longer(recipe: Recipe) -> Recipe:
    return msgspec.structs.replace(recipe, fit=msgspec.structs.replace(recipe.fit, epochs=N_EPOCHS + 3))


def losses(folder: Path) -> list[float]:
    return [row["loss"] for row in Checkpoint.load(folder / "checkpoint.npz").history]


def test_it_is_small_and_training_goes_on_with_nearly_the_same_losses(
    folder: Path, recipe: Recipe, store: FrameStore, tmp_path: Path
):
    small = tmp_path / "small.npz"
    keep_checkpoint(small, folder, recipe, store)
    assert small.stat().st_size < (folder / "checkpoint.npz").stat().st_size / 5.0
    assert restore_checkpoint(small, tmp_path / "fresh", longer(recipe), store)
    shutil.copytree(folder, tmp_path / "whole")
    for name in ("fresh", "whole"):
        train(longer(recipe), store, tmp_path / name, on_epoch=lambda record: None)
    fresh, whole = losses(tmp_path / "fresh"), losses(tmp_path / "whole")
    assert fresh[:N_EPOCHS] == whole[:N_EPOCHS]
    assert fresh[N_EPOCHS:] == pytest.approx(whole[N_EPOCHS:], rel=0.2)
    assert fresh[-1] < whole[N_EPOCHS - 1]
    assert any("rounded" in session for session in read_record(tmp_path / "fresh").sessions)


def test_restored_numbers_are_near_the_originals(folder: Path, recipe: Recipe, store: FrameStore, tmp_path: Path):
    keep_checkpoint(tmp_path / "small.npz", folder, recipe, store)
    restore_checkpoint(tmp_path / "small.npz", tmp_path / "fresh", recipe, store)
    before, after = (Checkpoint.load(path / "checkpoint.npz") for path in (folder, tmp_path / "fresh"))
    for a, b in zip(before.weights, after.weights, strict=True):
        assert a.dtype == b.dtype
        assert np.allclose(a, b, rtol=1e-3, atol=1e-6)
    kernels = [(a, b) for a, b in zip(before.moments, after.moments, strict=True) if a.ndim == 2]
    firsts = [b for a, b in kernels if a.min() < 0.0]
    assert len(firsts) == len(kernels) / 2
    assert not any(b.any() for b in firsts)
    for a, b in kernels:
        if a.min() >= 0.0:
            assert b.min() >= 0.0
            assert np.allclose(a.mean(axis=0), b.mean(axis=0), rtol=1e-3)
            assert np.allclose(a.mean(axis=1), b.mean(axis=1), rtol=1e-3)


def test_only_the_same_run_takes_it_and_no_run_is_replaced(
    folder: Path, recipe: Recipe, store: FrameStore, tmp_path: Path
):
    small = tmp_path / "small.npz"
    keep_checkpoint(small, folder, recipe, store)
    other_seed = msgspec.structs.replace(recipe, fit=msgspec.structs.replace(recipe.fit, seed=1))
    assert not restore_checkpoint(small, tmp_path / "fresh", other_seed, store)
    other_store = write_store(tmp_path / "frames", notes=(84, 86))
    assert not restore_checkpoint(small, tmp_path / "fresh", recipe, other_store)
    assert not restore_checkpoint(tmp_path / "none.npz", tmp_path / "fresh", recipe, store)
    assert not (tmp_path / "fresh").exists()
    before = (folder / "checkpoint.npz").read_bytes()
    assert not restore_checkpoint(small, folder, recipe, store)
    assert (folder / "checkpoint.npz").read_bytes() == before
    small.write_bytes(b"PK but no more")
    with pytest.raises(UserError, match=r"small.npz.*damaged"):
        restore_checkpoint(small, tmp_path / "fresh", recipe, store)


def test_an_interrupted_reproduction_leaves_one_and_a_fresh_machine_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_plan(tmp_path / "plan")
    write_tones(tmp_path)

    def interrupted(recipe, store, folder, force, on_epoch):
        def stop(record):
            on_epoch(record)
            if record.n_epochs == 2:
                raise KeyboardInterrupt

        return train(recipe, store, folder, force, stop)

    checkpoint = tmp_path / "out" / "checkpoints" / f"{VARIATIONAL}-seed0.npz"
    with monkeypatch.context() as patched:
        patched.setattr(training.paper.reproduction, "KEEP_EVERY_S", 1e-3)
        patched.setattr(training.paper.reproduction, "train", interrupted)
        assert reproduce(tmp_path, "--only", "vae") not in (0, 2)
    assert checkpoint.exists()
    shutil.rmtree(tmp_path / "runs")
    assert reproduce(tmp_path, "--only", "vae") == 0
    assert not checkpoint.exists()
    sessions = json.loads((tmp_path / "runs" / "quick" / VARIATIONAL / "run.json").read_text())["sessions"]
    assert [session["from_epoch"] for session in sessions] == [1, 3, 3]
    assert "rounded" in sessions[1]
