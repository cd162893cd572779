"""Fixtures shared by the tests of training."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def knob_run(store, tmp_path_factory: pytest.TempPathFactory):
    """A run trained with tests.support.harmonic_run.RECIPE; tests share it and must not change it."""
    from tests.support.harmonic_run import RECIPE  # imported only here, as the packages for training may be missing
    from training.learning.train import train
    from training.model.run_folder import TrainedRun

    folder = tmp_path_factory.mktemp("run") / "tones"
    train(RECIPE, store, folder)
    return TrainedRun.open(folder)
