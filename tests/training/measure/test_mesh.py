"""A mesh is a grid of points in the latent space. It counts wrong notes at its border and inside."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.support.harmonic_store import write_store
from tests.support.places import TRAINING_CONFIGS
from training.corpus.frames import FrameStore
from training.instrument.embedding import embed_rows
from training.learning.train import train
from training.measure.mesh import Mesh, asked_notes, mesh_bounds, sample_mesh
from training.model.recipe import load_recipe
from training.model.run_folder import TrainedRun

TINY = TRAINING_CONFIGS / "tiny.yaml"


@pytest.fixture(scope="module")
def folder(store: FrameStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = load_recipe(TINY, epochs=30)
    model = msgspec.structs.replace(recipe.model, conditioning="chroma")
    folder = tmp_path_factory.mktemp("run") / "tones"
    train(msgspec.structs.replace(recipe, model=model), store, folder, on_epoch=lambda record: None)
    return folder


def mesh_of(hits: np.ndarray) -> Mesh:
    """A mesh with these hits.

    hits: as in `Mesh`, True for each point that decodes to the note asked for.
    """
    n_latents = hits.ndim - 1
    notes = dict.fromkeys(range(len(hits)), 60)
    return Mesh(np.repeat([[0.0, 1.0]], n_latents, axis=0), notes, hits, dict.fromkeys(notes, 1.0))


def test_a_map_that_misses_in_its_border_only():
    hits = np.zeros((2, 21, 21), bool)
    hits[:, 3:-3, 3:-3] = True
    mesh = mesh_of(hits)
    assert np.array_equal(mesh.border()[10], [True] * 3 + [False] * 15 + [True] * 3)
    summary = mesh.summary()
    assert (summary["mismatch_border"], summary["mismatch_inside"]) == (1.0, 0.0)
    assert summary["accuracy"] == pytest.approx((15 / 21) ** 2)
    assert summary["accuracy_by_pitch_class"].keys() == {"C", "C#"}
    assert np.array_equal(mesh.map(), hits.astype(np.float32))


def test_more_latents_than_two_are_averaged_in_the_map():
    hits = np.zeros((1, 4, 4, 4), bool)
    hits[0, 1, 2, :3] = True
    expected = np.zeros((1, 4, 4))
    expected[0, 1, 2] = 0.75
    assert np.allclose(mesh_of(hits).map(), expected)
    assert mesh_of(np.ones((1, 4), bool)).map().shape == (1, 4, 1)


def test_a_good_model_is_heard_in_tune_and_a_silent_one_plays_nothing(folder: Path, store: FrameStore):
    run = TrainedRun.open(folder)
    latents = embed_rows(run, store, store.rows("train"))
    mesh = sample_mesh(run, store, latents, 8)
    assert mesh.summary()["accuracy"] > 0.9
    assert mesh.summary()["heard"] > 0.8
    output = run.decoder.get_layer("magnitude")
    output.set_weights([np.zeros_like(output.get_weights()[0]), -np.ones_like(output.get_weights()[1])])
    silent = sample_mesh(run, store, latents, 8).summary()
    assert (silent["accuracy"], silent["heard"]) == (0.0, 0.0)


def test_a_pitch_class_that_nobody_played_is_not_asked_for(folder: Path, store: FrameStore, tmp_path: Path):
    run = TrainedRun.open(folder)
    object.__setattr__(run, "recipe", msgspec.structs.replace(run.recipe, labels="detected"))
    unknown = write_store(tmp_path / "frames", known=False)
    heard_wrong = np.flatnonzero(store.chroma[store.rows("train")] == 0)[:3]
    for corpus, asked in ((store, False), (unknown, True)):
        before = corpus.chroma[heard_wrong].copy()
        corpus.chroma[heard_wrong] = 1
        assert (1 in asked_notes(run, corpus)) == asked
        assert 0 in asked_notes(run, corpus)
        corpus.chroma[heard_wrong] = before


def test_without_a_unit_cube_the_mesh_fills_the_embedding(folder: Path, store: FrameStore):
    run = TrainedRun.open(folder)
    latents = np.array([[-2.0, 0.5], [3.0, 0.25]])
    assert mesh_bounds(run, latents).tolist() == [[0.0, 1.0], [0.0, 1.0]]
    for bottleneck in ("lrelu", "variational"):
        model = msgspec.structs.replace(run.recipe.model, bottleneck=bottleneck)
        object.__setattr__(run, "recipe", msgspec.structs.replace(run.recipe, model=model))
        assert mesh_bounds(run, latents).tolist() == [[-2.0, 3.0], [0.25, 0.5]]
