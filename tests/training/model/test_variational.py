"""The beta-VAE has noise and a penalty in training only."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.base.errors import UserError
from runtime.instrument.conditioning import Conditioning
from tests.support.places import TRAINING_CONFIGS
from training.corpus.frames import FrameStore
from training.instrument.embedding import divergence_per_latent, embed_rows, row_errors
from training.learning.train import train
from training.model.backend import prepare_keras
from training.model.checkpoint import Checkpoint
from training.model.recipe import BetaRecipe, FitRecipe, Recipe, load_recipe, resolve_conditioning
from training.model.run_folder import TrainedRun

prepare_keras()

from training.learning.steps import added_losses, minimised  # noqa: E402
from training.model.autoencoder import build_autoencoder  # noqa: E402
from training.model.variational import divergence, set_beta  # noqa: E402

RECIPES = TRAINING_CONFIGS
ONE_OCTAVE = RECIPES / "paper-one-octave-8-variational-no-skip.yaml"
WITH_SKIP = RECIPES / "paper-one-octave-8-variational-skip.yaml"


def small(epochs: int, **beta: float) -> Recipe:
    """tiny.yaml with a variational bottleneck, no conditioning and no L2 penalty; beta: fields of BetaRecipe."""
    tiny = load_recipe(RECIPES / "tiny.yaml", epochs)
    model = msgspec.structs.replace(tiny.model, bottleneck="variational", conditioning="none")
    return msgspec.structs.replace(
        tiny, model=model, fit=msgspec.structs.replace(tiny.fit, beta=BetaRecipe(**beta), l2=0.0)
    )


def trained(recipe: Recipe, store: FrameStore, folder: Path) -> TrainedRun:
    train(recipe, store, folder, on_epoch=lambda record: None)
    return TrainedRun.open(folder)


def test_beta_grows_as_in_the_authors_code():
    beta = load_recipe(ONE_OCTAVE).fit.beta
    assert [beta.at(epoch) for epoch in (1, 2, 7, 8, 300)] == pytest.approx(
        [3e-7, 2.03e-5, 1.203e-4, 1.203e-4, 1.203e-4]
    )


def test_the_divergence_is_its_integral_over_two_normal_distributions():
    mean, log_variance = np.float32(0.7), np.float32(-0.9)
    axis = np.linspace(-12.0, 12.0, 200_001)
    posterior = np.exp(-0.5 * (axis - mean) ** 2 / np.exp(log_variance)) / np.sqrt(2.0 * np.pi * np.exp(log_variance))
    prior = np.exp(-0.5 * axis**2) / np.sqrt(2.0 * np.pi)
    inside = posterior > 1e-30
    integral = np.sum(posterior[inside] * np.log(posterior[inside] / prior[inside])) * (axis[1] - axis[0])
    assert float(divergence(mean, log_variance)) == pytest.approx(integral, rel=1e-4)
    assert float(divergence(np.float32(0.0), np.float32(0.0))) == 0.0


def test_noise_and_penalty_exist_in_training_only():
    recipe = small(1).model
    model = build_autoencoder(recipe, StftSpec(frame_size=64, hop_size=16), Conditioning(), 0)
    frames = np.random.default_rng(0).random((50, 33), np.float32)
    chroma = np.eye(12, dtype=np.float32)[np.arange(50) % 12]
    set_beta(model.full, 0.25)
    first, second = (np.asarray(model.full([frames, chroma], training=True)) for _ in range(2))
    (penalty,) = model.full.losses
    mean, log_variance = model.posterior.predict_on_batch([frames, chroma])
    assert np.abs(first - second).max() > 1e-4
    expected = 0.25 * np.sum(np.asarray(divergence(mean, log_variance)), axis=1)
    assert np.asarray(penalty) == pytest.approx(expected, rel=1e-4)
    played = model.decoder.predict_on_batch(model.encoder.predict_on_batch([frames, chroma]))
    assert np.array_equal(played, model.full.predict_on_batch([frames, chroma]))
    assert np.array_equal(model.encoder.predict_on_batch([frames, chroma]), mean)


def test_rows_of_weight_0_add_no_penalty():
    penalty = np.array([1.0, 3.0, 100.0], np.float32)
    assert float(added_losses([penalty], np.array([1.0, 1.0, 0.0], np.float32))) == pytest.approx(2.0)
    assert float(added_losses([], np.ones(3, np.float32))) == 0.0


def test_a_high_beta_collapses_the_latents_and_a_low_one_does_not(store: FrameStore, tmp_path: Path):
    rows = store.rows("train")
    cheap = trained(small(30, start=0.0, step=0.0), store, tmp_path / "cheap")
    dear = trained(small(30, start=10.0, step=0.0), store, tmp_path / "dear")
    assert divergence_per_latent(cheap, store, rows).max() > 1.0
    assert divergence_per_latent(dear, store, rows).max() < 0.01
    assert row_errors(cheap, store, rows).mean() < row_errors(dear, store, rows).mean()
    assert embed_rows(dear, store, rows).std(axis=0).max() < 0.2


def moved_per_step(recipe: Recipe, store: FrameStore, folder: Path) -> np.ndarray:
    """How far the weights of each hidden kernel of the encoder move in a training step, on average: (2, n_kernels).

    The first row is for epoch 1, the second for epoch 2. The unit is the learning rate: Adam moves a weight by at most
    about 1 unit per step.
    """
    n_steps = -(-len(store.rows("train")) // recipe.fit.batch_size)
    runs = [trained(recipe.with_epochs(epochs), store, folder) for epochs in (1, 2)]
    first = build_autoencoder(recipe.model, store.spec, resolve_conditioning(recipe, store), recipe.fit.seed)
    states = [first.encoder.get_weights(), *(run.encoder.get_weights() for run in runs)]
    names = [variable.path for variable in first.encoder.variables]
    chosen = [index for index, name in enumerate(names) if re.search(r"encoder_[2-7]/kernel", name)]
    moves = [[np.abs(b[k] - a[k]).mean() for k in chosen] for a, b in pairwise(states)]
    return np.array(moves) / (n_steps * recipe.fit.learning_rate)


@pytest.mark.parametrize("config", [ONE_OCTAVE, WITH_SKIP], ids=lambda path: path.stem)
def test_the_loss_moves_the_encoder_from_the_start(config: Path, store: FrameStore, tmp_path: Path):
    assert moved_per_step(load_recipe(config), store, tmp_path / "run").min() > 0.05


def test_with_the_sum_errors_and_penalties_grow_and_the_l2_penalty_does_not():
    error, weight = 2.0, np.array([1.0, 1.0, 1.0, 0.0], np.float32)
    losses = [np.float32(0.5), np.array([1.0, 2.0, 3.0, 100.0], np.float32)]
    kernels = [np.full((2, 2), 3.0, np.float32), np.full(2, 7.0, np.float32)]
    mean, total = (
        float(minimised(error, losses, weight, kernels, FitRecipe(l2=0.1, loss_reduction=kind)))
        for kind in ("mean", "sum")
    )
    assert mean == pytest.approx(2.0 + 0.5 + 2.0 + 3.6)
    assert total == pytest.approx(3 * (2.0 + 0.5 + 2.0) + 3.6)


def test_the_reported_error_is_a_mean_with_the_sum_too(store: FrameStore, tmp_path: Path):
    one_batch = small(1).with_fit(batch_size=len(store.rows("train")) + 40)  # rows of weight 0 fill up the batch
    losses = [
        trained(one_batch.with_fit(loss_reduction=kind), store, tmp_path / kind).history[0]["loss"]
        for kind in ("mean", "sum")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_the_mean_of_the_loss_is_lost_in_adams_epsilon(store: FrameStore, tmp_path: Path):
    recipe = load_recipe(ONE_OCTAVE).with_fit(loss_reduction="mean")
    assert moved_per_step(recipe, store, tmp_path / "mean").min() < 0.01


def test_going_on_equals_one_long_run_to_the_bit(store: FrameStore, tmp_path: Path):
    for epochs in (2, 4):
        trained(small(epochs), store, tmp_path / "twice")
    trained(small(4), store, tmp_path / "once")
    twice, once = (Checkpoint.load(tmp_path / name / "checkpoint.npz") for name in ("twice", "once"))
    pairs = list(zip(twice.weights + twice.moments, once.weights + once.moments, strict=True))
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_other_models_have_no_divergence(store: FrameStore, tmp_path: Path):
    run = trained(load_recipe(RECIPES / "tiny.yaml", 1), store, tmp_path / "run")
    assert divergence_per_latent(run, store, store.rows("test")) is None


@pytest.mark.parametrize(
    "text",
    ["model: {bottleneck: variational}", "fit: {beta: {start: 0.1}}"],
    ids=["bottleneck without beta", "beta without bottleneck"],
)
def test_beta_and_the_variational_bottleneck_need_each_other(text: str, tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(UserError, match=r"recipe.yaml.*fit.beta.*variational"):
        load_recipe(tmp_path / "recipe.yaml")
