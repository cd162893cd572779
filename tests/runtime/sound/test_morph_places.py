"""A morph may lead through places. Each place is the same sound with other knob positions."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.config import Config
from runtime.sound.choice import choose
from runtime.sound.file import load_sound, save_sound, sound_from_tree

TREE = {
    "instrument": "virtual-analogue",
    "latents": {"brightness": 0.5},
    "level_db": -6.0,
    "morph": {"sounds": [{"brightness": 0.1}, {"brightness": 0.9, "body": 0.3}]},
}


def test_a_place_is_the_sound_with_other_knobs_and_comes_back_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "way.yaml"
    save_sound(path, sound_from_tree(TREE, "way"))
    assert load_sound(path).morph.sounds == ({"brightness": 0.1}, {"brightness": 0.9, "body": 0.3})
    morph = choose(Config(), None, None, str(path)).patch.morph
    latents = [patch.sound.latents for patch in morph.patches]
    assert latents == [{"brightness": 0.1}, {"brightness": 0.9, "body": 0.3}]
    assert {patch.sound.level_db for patch in morph.patches} == {-6.0}
    assert [patch.sound.morph for patch in morph.patches] == [None, None]


def test_a_knob_that_is_not_there_and_a_place_beyond_the_travel_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "way.yaml"
    save_sound(path, sound_from_tree(TREE | {"morph": {"sounds": [{"brightness": 0.1}, {"brigthness": 0.9}]}}, "way"))
    with pytest.raises(UserError, match="brigthness"):
        choose(Config(), None, None, str(path))
    with pytest.raises(UserError, match="morph"):
        sound_from_tree(TREE | {"morph": {"sounds": [{"brightness": 0.1}, {"brightness": 1.9}]}}, "way")
