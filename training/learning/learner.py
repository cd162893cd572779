"""Builds the learner: a recipe's network, optimizer and compiled steps."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from training.learning.objective import Objective
from training.learning.resident import ResidentFrames, resident_frames
from training.learning.steps import Steps, make_steps
from training.model.autoencoder import Autoencoder, build_autoencoder
from training.model.batches import FrameBatches
from training.model.ceiling import set_ceiling


@dataclass(frozen=True)
class Learner:
    """A network and the parts that train it.

    resident: trains whole epochs with frames that stay on the device, in place of `steps.train`. It is None if that
        is not possible or would save no time.
    """

    autoencoder: Autoencoder
    optimizer: keras.Optimizer
    steps: Steps
    resident: ResidentFrames | None


def build_learner(batches: FrameBatches) -> Learner:
    """The untrained learner for the recipe of these batches."""
    recipe, spec = batches.recipe, batches.store.spec
    autoencoder = build_autoencoder(recipe.model, spec, batches.conditioning, recipe.fit.seed)
    set_ceiling(autoencoder.decoder, batches.store, recipe.model.compression)
    objective = Objective(autoencoder, recipe, batches)
    optimizer = keras.optimizers.Adam(recipe.fit.learning_rate)
    optimizer.build(objective.trainable_variables)
    steps = make_steps(objective, optimizer, recipe.fit)
    n_batches = -(-len(batches.store.rows("train")) // recipe.fit.batch_size)
    return Learner(autoencoder, optimizer, steps, resident_frames(batches, steps, recipe.fit.epochs * n_batches))
