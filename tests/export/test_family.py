"""How long the instruments of the family are trained."""

from __future__ import annotations

import pytest

from export.family import LEAST_STEPS, RECIPE, n_epochs
from training.model.recipe import load_recipe


@pytest.mark.parametrize("n_frames", [1, 200, 18_697, 53_000])
def test_a_small_corpus_is_trained_for_at_least_the_promised_steps(n_frames: int):
    recipe = load_recipe(RECIPE)
    steps_an_epoch = -(-n_frames // recipe.fit.batch_size)
    epochs = n_epochs(recipe, n_frames)
    assert epochs * steps_an_epoch >= LEAST_STEPS > (epochs - 1) * steps_an_epoch


def test_a_large_corpus_is_trained_for_the_recipe_s_epochs():
    recipe = load_recipe(RECIPE)
    assert n_epochs(recipe, 91_308) == recipe.fit.epochs
