"""The bundled instrument's sounds are as their recipes in export/sounds/recipes.py say."""

from __future__ import annotations

import functools
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from export.sounds.figures import LEAST_FALL_DB, LEAST_MOVEMENT_DB, VELOCITIES
from export.sounds.making import file_stem, goal_lufs, played
from export.sounds.measure import (
    CHORD,
    Take,
    centroid_hz,
    loudness_lufs,
    mel_levels_db,
    movement,
    movement_times_s,
    play,
)
from export.sounds.recipes import RECIPES, Recipe
from runtime.config import Config
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import BUNDLED_FOLDER, DEFAULT_INSTRUMENT, load
from runtime.sound.choice import choose
from runtime.sound.store import bundled_sounds
from tests.support.places import DATA

LEAST_DIFFERENCE_DB = 3.0
SOUNDS = bundled_sounds(DEFAULT_INSTRUMENT, 0)
EACH = pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.name for recipe in RECIPES])


@functools.cache
def instrument() -> Decoder:
    return load(DEFAULT_INSTRUMENT)


@functools.cache
def take(name: str) -> Take:
    """The sound `name`, heard at its recipe's middle note, which is held for 1.7 s."""
    (recipe,) = [recipe for recipe in RECIPES if recipe.name == name]
    return play(instrument(), played(SOUNDS[name].read(), instrument()), [recipe.notes[1]])


def test_the_files_are_those_of_the_recipes_in_their_order() -> None:
    assert list(SOUNDS) == [recipe.name for recipe in RECIPES]
    files = sorted((BUNDLED_FOLDER / "sounds" / DEFAULT_INSTRUMENT).iterdir())
    assert [path.name for path in files] == [f"{file_stem(k, recipe)}.yaml" for k, recipe in enumerate(RECIPES)]


def test_program_changes_choose_them_after_the_presets() -> None:
    n_presets = len(instrument().card.presets)
    choice = choose(Config(), None, None, None)
    assert [patch.sound.name for patch in choice.programs[n_presets:]] == list(SOUNDS)
    assert all(patch.positions for patch in choice.programs[n_presets:])


@EACH
def test_it_is_found_by_its_name(recipe: Recipe) -> None:
    choice = choose(Config(), None, None, recipe.name)
    assert choice.patch.sound == SOUNDS[recipe.name].read()
    assert choice.remark is None


@EACH
def test_a_held_note_moves_if_the_recipe_says_so(recipe: Recipe) -> None:
    moved = movement(mel_levels_db(take(recipe.name).sound, movement_times_s()))
    assert (moved.most_db >= LEAST_MOVEMENT_DB) == recipe.moves
    assert not recipe.moves or moved.change_db >= LEAST_MOVEMENT_DB
    assert not recipe.falls or moved.level_db <= -LEAST_FALL_DB


@EACH
def test_its_notes_end_and_are_below_full_scale(recipe: Recipe) -> None:
    sound, ends = take(recipe.name)
    assert ends
    assert np.isfinite(sound).all()
    assert 0.05 < np.abs(sound).max() <= 1.0


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe.brightens], ids=lambda recipe: recipe.name)
def test_it_is_brighter_when_struck_harder(recipe: Recipe) -> None:
    patch = played(SOUNDS[recipe.name].read(), instrument())
    ends = VELOCITIES[0], 64, VELOCITIES[-1]
    centroids = [centroid_hz(play(instrument(), patch, [recipe.notes[1]], velocity, 0.6).sound) for velocity in ends]
    assert centroids[0] * 1.1 < centroids[1] < centroids[2] / 1.1


def test_they_are_about_as_loud_as_each_other() -> None:
    loudness = [loudness_lufs(take(recipe.name).sound) - goal_lufs(recipe, 0.0) for recipe in RECIPES]
    assert max(loudness) - min(loudness) < 3.0


def test_a_chord_of_a_sound_that_plays_one_note_at_a_time_is_heard_beside_chords() -> None:
    alone = [recipe.name for recipe in RECIPES if recipe.plays_alone]
    assert alone == ["Round bass", "Singing lead"]
    for name in alone:
        sound = play(instrument(), played(SOUNDS[name].read(), instrument()), CHORD).sound
        assert -12.0 < loudness_lufs(sound) < -10.0


def test_each_is_unlike_all_others() -> None:
    levels = {name: mel_levels_db(take(name).sound, movement_times_s()) for name in SOUNDS}
    for one, other in combinations(levels, 2):
        a, b = (np.maximum(levels[name], levels[name].max() - 60.0) for name in (one, other))
        assert np.abs(a - b).mean() > LEAST_DIFFERENCE_DB, (one, other)


def test_an_instrument_of_the_same_name_with_other_knobs_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "instruments").mkdir()
    shutil.copy(DATA / "tiny.onnx", tmp_path / "instruments" / f"{DEFAULT_INSTRUMENT}.onnx")
    monkeypatch.chdir(tmp_path)
    choice = choose(Config(), None, None, None)
    assert [latent.name for latent in choice.instrument.card.latents] == ["low harmonics", "high harmonics"]
    assert len(choice.programs) == len(choice.instrument.card.presets) + len(SOUNDS)
