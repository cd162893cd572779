"""No knob position makes a bin of a decoder louder than it is in the recordings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.support.harmonic_run import RECIPE
from tests.support.harmonic_store import SPEC
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.model.backend import prepare_keras
from training.model.recipe import Recipe
from training.model.run_folder import TrainedRun

prepare_keras()

from training.model.ceiling import LOUD_SHARE, NAME, loudest  # noqa: E402


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    model = msgspec.structs.replace(RECIPE.model, ceiling=True, comb_floor_db=None)
    return msgspec.structs.replace(RECIPE, model=model, fit=msgspec.structs.replace(RECIPE.fit, epochs=2))


@pytest.fixture(scope="module")
def folder(store: FrameStore, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ceiling") / "run"
    train(recipe, store, folder, on_epoch=lambda record: None)
    return folder


def test_a_clip_s_lasting_partials_stay_and_its_single_frames_do_not_count(store: FrameStore) -> None:
    rows = store.rows("train")
    limits = loudest(store)
    shares = [
        (store.magnitudes[rows[store.clip[rows] == clip]] > limits).mean(axis=0).max()
        for clip in np.unique(store.clip[rows])
    ]
    assert max(shares) <= LOUD_SHARE + 1.0 / min(np.unique(store.clip[rows], return_counts=True)[1])
    for clip in np.unique(store.clip[rows]):  # no limit makes a note's loudest partial softer than usual
        frames = store.magnitudes[rows[store.clip[rows] == clip]]
        peak = int(np.argmax(np.median(frames, axis=0)))
        assert limits[peak] >= np.median(frames[:, peak])


def test_a_bin_that_whistles_is_as_soft_as_in_the_recordings(store: FrameStore, folder: Path) -> None:
    run = TrainedRun.open(folder)
    limits = loudest(store)
    whistle = 100 + int(np.argmin(limits[100:500]))  # the recordings are soft there
    bias = run.decoder.get_layer("magnitude").bias
    loud = bias.numpy()
    loud[whistle] = 5.0
    bias.assign(loud)
    inputs = np.random.default_rng(0).random((200, run.decoder.input_shape[1])).astype(np.float32)
    decoded = np.asarray(run.decoder(inputs))
    assert limits[whistle] < 0.1
    assert (decoded <= limits * 1.001 + 1e-6).all()
    run.decoder.get_layer(NAME).limits.assign(np.full(SPEC.n_bins, 10.0))
    assert np.asarray(run.decoder(inputs))[:, whistle].min() > 1.0


def test_a_training_that_goes_on_keeps_its_limits(store: FrameStore, recipe: Recipe, folder: Path) -> None:
    longer = msgspec.structs.replace(recipe, fit=msgspec.structs.replace(recipe.fit, epochs=3))
    train(longer, store, folder, on_epoch=lambda record: None)
    limits = np.asarray(TrainedRun.open(folder).decoder.get_layer(NAME).limits)
    assert np.allclose(limits**recipe.model.compression, loudest(store), atol=1e-6)
