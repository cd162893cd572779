"""A compiled loop of steps trains like the same steps done one by one."""

from __future__ import annotations

from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest

import training.learning.resident
from tests.support.places import TRAINING_CONFIGS
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.model.backend import prepare_keras
from training.model.batches import FrameBatches
from training.model.checkpoint import Checkpoint
from training.model.recipe import BetaRecipe, Recipe, load_recipe, resolve_conditioning

TINY = TRAINING_CONFIGS / "tiny.yaml"

prepare_keras()


def recipe(bottleneck: str, epochs: int) -> Recipe:
    tiny = load_recipe(TINY, epochs)
    model = msgspec.structs.replace(tiny.model, bottleneck=bottleneck)
    beta = BetaRecipe() if bottleneck == "variational" else None
    return msgspec.structs.replace(tiny, model=model, fit=msgspec.structs.replace(tiny.fit, beta=beta, batch_size=50))


def trained(recipe: Recipe, store: FrameStore, folder: Path) -> Checkpoint:
    train(recipe, store, folder, on_epoch=lambda record: None)
    return Checkpoint.load(folder / "checkpoint.npz")


@pytest.mark.parametrize("bottleneck", ["sigmoid", "variational"])
def test_the_loop_takes_the_same_steps(
    bottleneck: str, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert len(store.rows("train")) % 50  # the last batch is not full, and gets rows of weight 0
    by_batch = trained(recipe(bottleneck, 3), store, tmp_path / "batches")
    monkeypatch.setattr(training.learning.resident, "has_gpu", lambda: True)
    at_once = trained(recipe(bottleneck, 3), store, tmp_path / "at once")
    for first, second in zip(by_batch.history, at_once.history, strict=True):
        assert first["loss"] == pytest.approx(second["loss"], rel=1e-4)
        assert first["val_loss"] == pytest.approx(second["val_loss"], rel=1e-4)
    for first, second in zip(by_batch.weights, at_once.weights, strict=True):
        assert np.allclose(first, second, rtol=1e-2, atol=1e-4)


def test_a_continued_run_equals_one_long_run(store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training.learning.resident, "has_gpu", lambda: True)
    trained(recipe("sigmoid", 2), store, tmp_path / "twice")
    twice = trained(recipe("sigmoid", 4), store, tmp_path / "twice")
    once = trained(recipe("sigmoid", 4), store, tmp_path / "once")
    pairs = list(zip(twice.weights + twice.moments, once.weights + once.moments, strict=True))
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_the_loop_is_used_on_a_gpu_or_for_many_steps(store: FrameStore, monkeypatch: pytest.MonkeyPatch):
    tiny = recipe("sigmoid", 1)
    batches = FrameBatches(store, tiny, resolve_conditioning(tiny, store))

    def used(batches: FrameBatches, n_steps: int) -> bool:
        return training.learning.resident.resident_frames(batches, None, n_steps) is not None

    many = training.learning.resident.FEWEST_STEPS
    assert used(batches, many)
    assert not used(batches, many - 1)
    monkeypatch.setattr(training.learning.resident, "has_gpu", lambda: True)
    assert used(batches, 1)
    mixing = msgspec.structs.replace(tiny, fit=msgspec.structs.replace(tiny.fit, mixup=True))
    assert not used(FrameBatches(store, mixing, batches.conditioning), many)
    monkeypatch.setattr(training.learning.resident, "LARGEST_BYTES", 1000)
    assert not used(batches, many)


def test_the_loop_reports_the_share_of_rows_that_is_done(store: FrameStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training.learning.resident, "STEPS_AT_ONCE", 2)
    tiny = recipe("sigmoid", 1)
    batches = FrameBatches(store, tiny, resolve_conditioning(tiny, store))

    class CountedSteps:
        def train_step(self, inputs, extras, weight):
            return keras.ops.sum(weight)  # the number of rows in the batch; a real step returns the error

    shares: list[float] = []
    rows = batches.epoch(1)
    found = training.learning.resident.ResidentFrames(batches, CountedSteps()).train(rows, shares.append)
    n_last = len(rows) % 50
    assert found == pytest.approx(((len(rows) - n_last) * 50 + n_last**2) / len(rows))
    assert shares == sorted(shares)
    assert (len(shares), shares[-1]) == (-(-len(rows) // 100), 1.0)
