"""An epoch in one compiled loop takes the same steps as one batch by batch; here on the CPU, where either can run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

import training.resident
from tests.training.harmonic_store import write_store
from training.backend import prepare_keras
from training.checkpoint import Checkpoint
from training.frames import FrameStore
from training.recipe import BetaRecipe, Recipe, load_recipe
from training.train import train

TINY = Path(__file__).parents[2] / "configs" / "training" / "tiny.yaml"

prepare_keras()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return write_store(tmp_path_factory.mktemp("corpus") / "frames")


def recipe(bottleneck: str, epochs: int) -> Recipe:
    tiny = load_recipe(TINY, epochs)
    model = msgspec.structs.replace(tiny.model, bottleneck=bottleneck)
    beta = BetaRecipe() if bottleneck == "variational" else None
    return msgspec.structs.replace(tiny, model=model, fit=msgspec.structs.replace(tiny.fit, beta=beta, batch_size=50))


def trained(recipe: Recipe, store: FrameStore, folder: Path) -> Checkpoint:
    train(recipe, store, folder, on_epoch=lambda record: None)
    return Checkpoint.load(folder / "checkpoint.npz")


@pytest.mark.parametrize("bottleneck", ["sigmoid", "variational"])
def test_it_takes_the_same_steps(bottleneck: str, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert len(store.rows("train")) % 50  # the last batch is filled up
    by_batch = trained(recipe(bottleneck, 3), store, tmp_path / "batches")
    monkeypatch.setattr(training.resident, "has_gpu", lambda: True)
    at_once = trained(recipe(bottleneck, 3), store, tmp_path / "at once")
    for first, second in zip(by_batch.history, at_once.history, strict=True):
        assert first["loss"] == pytest.approx(second["loss"], rel=1e-4)
        assert first["val_loss"] == pytest.approx(second["val_loss"], rel=1e-4)
    for first, second in zip(by_batch.weights, at_once.weights, strict=True):
        assert np.allclose(first, second, rtol=1e-2, atol=1e-4)


def test_going_on_equals_one_long_run_to_the_bit(store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training.resident, "has_gpu", lambda: True)
    trained(recipe("sigmoid", 2), store, tmp_path / "twice")
    twice = trained(recipe("sigmoid", 4), store, tmp_path / "twice")
    once = trained(recipe("sigmoid", 4), store, tmp_path / "once")
    pairs = list(zip(twice.weights + twice.moments, once.weights + once.moments, strict=True))
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_without_a_gpu_and_with_too_many_frames_it_is_not_used(store: FrameStore, monkeypatch: pytest.MonkeyPatch):
    from training.batches import FrameBatches
    from training.recipe import resolve_conditioning

    tiny = recipe("sigmoid", 1)
    batches = FrameBatches(store, tiny, resolve_conditioning(tiny, store))
    assert training.resident.resident_epochs(batches, None) is None
    monkeypatch.setattr(training.resident, "has_gpu", lambda: True)
    mixing = msgspec.structs.replace(tiny, fit=msgspec.structs.replace(tiny.fit, mixup=True))
    assert training.resident.resident_epochs(FrameBatches(store, mixing, batches.conditioning), None) is None
    monkeypatch.setattr(training.resident, "LARGEST_BYTES", 1000)
    assert training.resident.resident_epochs(batches, None) is None
