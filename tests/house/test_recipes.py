"""The recipes for recordings of single notes have the settings that keep keys in tune."""

from __future__ import annotations

import pytest

from tests.support.places import ROOT
from training.model.recipe import load_recipe


@pytest.mark.parametrize("name", ["own-notes", "virtual-analogue"])
def test_a_recipe_of_single_notes_keeps_every_key_in_tune(name: str) -> None:
    recipe = load_recipe(ROOT / "configs" / "training" / f"{name}.yaml")
    assert recipe.labels == "known"
    assert recipe.model.conditioning == "chroma+octave"
    assert recipe.model.comb_floor_db is not None
    assert recipe.fit.pitch_penalty > 0.0


def test_own_notes_do_not_divide_by_the_spread_of_a_note() -> None:
    # `effect_penalty` divides by the spread of a descriptor among a note's frames. For one steady sound, the spread is
    # about 0. So the penalty would be huge, and would put the note out of tune.
    assert load_recipe(ROOT / "configs" / "training" / "own-notes.yaml").fit.effect_penalty == 0.0
