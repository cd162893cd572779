"""A recipe of a sound names timbres instead of knob positions, and fits any instrument."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from export.sounds.making import made_sound, played
from export.sounds.recipes import RECIPES, Recipe
from export.sounds.timbres import Timbres
from runtime.sound.sound import Sound
from runtime.sound.trajectory.use import SoundTrajectory, WrittenTrajectory
from tests.support.playing import decoder
from training.hearing.descriptors import describe
from training.instrument.points import Points, decode_points


@functools.cache
def timbres(name: str) -> Timbres:
    return Timbres(decoder(name))


def heard(name: str, descriptor: str, rank: float) -> float:
    """A descriptor's value for note 60 at the knob positions found for a rank, which is 0 (least) to 1 (most)."""
    positions = np.array([list(timbres(name).positions({descriptor: rank}).values())])
    frames = decode_points(decoder(name), Points(np.array([60]), positions))
    return float(describe(descriptor, frames, np.array([60]), decoder(name).card.spec)[0])


@pytest.mark.parametrize("name", ["tiny", "tiny-chroma"])
def test_a_wish_is_heard(name: str) -> None:
    values = [heard(name, "brightness", rank) for rank in (0.05, 0.5, 0.95)]
    assert values == sorted(values)
    assert values[2] > values[0] + 0.3  # in octaves


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.name for recipe in RECIPES])
def test_every_recipe_fits_another_instrument(recipe: Recipe) -> None:
    sound = made_sound(recipe, timbres("tiny"), "tiny")
    assert sound.latents.keys() == {"low harmonics", "high harmonics"}
    played(sound, decoder())  # fails for unknown knobs


def test_positions_are_mirrored_for_a_knob_that_works_the_other_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Timbres(decoder())
    monkeypatch.setattr(known, "knob", lambda descriptor: ("high harmonics", -1.0))
    drawn = WrittenTrajectory(step_s=1.0, latents={"brightness": [0.0, 0.25]}, replaces_knobs=True)
    recipe = Recipe("x", "", {}, Sound(trajectory=SoundTrajectory(inline=drawn)))
    assert made_sound(recipe, known, "tiny").trajectory.inline.latents == {"high harmonics": [1.0, 0.75]}
