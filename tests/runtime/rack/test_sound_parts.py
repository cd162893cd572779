"""A sound with parts is chosen, built and rendered."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.config import HIGHEST_VOLUME_DB, Config
from runtime.control.mapping.bindings import bind
from runtime.control.mapping.lines import MapLine
from runtime.control.targets import RANGES
from runtime.engine.recorded.patch_tree import patch_of_tree, patch_tree
from runtime.events import ControlChange, Event, MapChange, NoteOn, TargetMove
from runtime.instrument.library import load
from runtime.rack.build import build_chosen, part_settings
from runtime.rack.part_choice import choose_parts
from runtime.rack.parts import PartSettings
from runtime.rack.rack import Rack
from runtime.sound.file import load_sound, save_sound
from runtime.sound.sound import SoundPart
from tests.support.places import ROOT
from tests.support.playing import SAMPLE_RATE_HZ

BUNDLED = ROOT / "runtime" / "bundled"
PLAIN = "phase_blend: 0.3\n"


def layers(folder: Path, *parts: str, more: str = "") -> str:
    """Write a sound with parts; returns the file's path.

    parts: the YAML of each part.
    more: further lines of the file.
    """
    path = folder / "layers.yaml"
    path.write_text(f"parts: [{', '.join(parts)}]\n{more}")
    return str(path)


def test_parts_of_several_instruments_play_in_their_ranges(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(PLAIN)
    low, high = "{sound: plain.yaml, keys: [0, 59]}", "{sound: plain.yaml, instrument: pads, keys: [60, 127]}"
    choice = choose_parts(Config(), None, None, layers(tmp_path, low, high))
    assert [each.instrument.path.stem for _, each in choice.parts] == ["virtual-analogue", "pads"]
    rack, sound = build_chosen(choice, SAMPLE_RATE_HZ), np.zeros((4096, 2), np.float32)
    for key in (48, 52, 72):
        rack.post(NoteOn(0, key, 100))
    rack.render(sound)
    assert [part.engine.status.n_notes for part in rack._parts] == [2, 1]
    assert np.abs(sound).max() > 0.01


def test_a_part_finds_a_sound_of_any_instrument_by_its_name(tmp_path: Path) -> None:
    names = {preset.name for preset in load("orchestra").card.presets}
    name = next(preset.name for preset in load("strings").card.presets if preset.name in names)
    part = msgspec.json.encode({"sound": name}).decode()
    for more, found in (("", "orchestra"), ("instrument: strings", "strings")):
        choice = choose_parts(Config(), None, None, layers(tmp_path, part, more=more))
        assert choice.instrument.path.stem == found


LEVELS_DB = {"a.yaml": -3.0, "b.yaml": -12.0}


@pytest.mark.parametrize("move", [TargetMove("level", RANGES["level"].position_of(-9.0)), ControlChange(0, 20, 90)])
def test_the_volume_moves_all_parts_by_as_much(tmp_path: Path, move: Event) -> None:
    for name, level_db in LEVELS_DB.items():
        (tmp_path / name).write_text(f"level_db: {level_db}\n")
    choice = choose_parts(Config(), None, None, layers(tmp_path, "{sound: a.yaml}", "{sound: b.yaml}"))
    rack = build_chosen(choice, SAMPLE_RATE_HZ)
    rack.post(MapChange(0, bind([MapLine("cc 20", target="level")])))
    gains = [_gains(rack)]
    rack.post(move)
    rack.render(np.zeros((256, 2), np.float32))
    gains.append(_gains(rack))
    before, after = 20.0 * np.log10(gains)
    assert before == pytest.approx(list(LEVELS_DB.values()))
    assert after == pytest.approx(before + RANGES["level"].value_at(rack.engine().target_position("level")) + 3.0)
    assert after[0] != pytest.approx(before[0])


@pytest.mark.parametrize(
    ("first_db", "morph_db"), [(-3.0, (-12.0, -3.0)), (-30.0, (-40.0, 0.0)), (6.0, (0.0, 8.0)), (12.0, (-60.0, 12.0))]
)
def test_a_morph_as_a_part_keeps_its_levels(tmp_path: Path, first_db: float, morph_db: tuple[float, float]) -> None:
    for name, level_db in zip("abc", (first_db, *morph_db), strict=True):
        (tmp_path / f"{name}.yaml").write_text(f"level_db: {level_db}\n")
    (tmp_path / "morph.yaml").write_text(f"morph: {{sounds: [{tmp_path}/b.yaml, {tmp_path}/c.yaml]}}\n")
    choice = choose_parts(Config(), None, None, layers(tmp_path, "{sound: a.yaml}", "{sound: morph.yaml}"))
    rack, gains = build_chosen(choice, SAMPLE_RATE_HZ), []
    for position in (0.0, 1.0):
        rack.post(TargetMove("morph", position))
        rack.render(np.zeros((256, 2), np.float32))
        gains.append(_gains(rack)[1])
    assert 20.0 * np.log10(gains) == pytest.approx(list(morph_db))
    patch = choice.parts[1][1].patch
    patch_of_tree(patch_tree(patch, Config()), Config(), "a recording")  # raises a UserError if it cannot read the tree


def test_no_part_gets_louder_than_one_sound_may_be(tmp_path: Path) -> None:
    for name, level_db in (("a.yaml", -30.0), ("b.yaml", 0.0)):
        (tmp_path / name).write_text(f"level_db: {level_db}\n")
    choice = choose_parts(Config(), None, None, layers(tmp_path, "{sound: a.yaml}", "{sound: b.yaml}"))
    rack = build_chosen(choice, SAMPLE_RATE_HZ)
    rack.post(MapChange(0, bind([MapLine("cc 20", target="level")])))
    rack.post(ControlChange(0, 20, 127))
    rack.render(np.zeros((256, 2), np.float32))
    assert 20.0 * np.log10(_gains(rack)) == pytest.approx([HIGHEST_VOLUME_DB] * 2)


def _gains(rack: Rack) -> list[float]:
    return [part.engine._performance._knobs.present.gain for part in rack._parts]


def test_the_level_of_the_whole_is_added_to_every_part(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(PLAIN + "level_db: -6\n")
    choice = choose_parts(Config(), None, None, layers(tmp_path, "{sound: plain.yaml}", more="level_db: -3"))
    assert choice.patch.settings.volume_db == -9.0


def test_the_settings_of_a_part_are_those_of_its_file() -> None:
    said = SoundPart(sound="x", channel=1, keys=(1, 2), velocity=(3, 4), transpose=5, level_db=-6.0, pan=0.7, send=0.8)
    every = {"channel": 0, "lowest_key": 1, "highest_key": 2, "lowest_velocity": 3, "highest_velocity": 4}
    assert part_settings(said) == PartSettings(**every, transpose=5, level_db=-6.0, pan=0.7, send=0.8)
    assert part_settings(SoundPart(sound="x")) == PartSettings()


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("{sound: Vibrafone}", "parts[0].sound: found 'Vibrafone'; expected a sound of an instrument here"),
        ("{sound: gone.yaml}", "parts[0].sound: found gone.yaml, which does not exist; expected a sound's file"),
        ("{sound: layers.yaml}", "parts[0].sound: found layers.yaml, which has parts itself"),
        ("{sound: broken.yaml}", "broken.yaml: found unknown key 'latent'"),
        ("{sound: plain.yaml, instrument: padz}", "found 'padz'"),
    ],
)
def test_a_part_that_cannot_play_is_one_line(tmp_path: Path, part: str, said: str) -> None:
    (tmp_path / "plain.yaml").write_text(PLAIN)
    (tmp_path / "broken.yaml").write_text("latent: 1")
    with pytest.raises(UserError) as caught:
        choose_parts(Config(), None, None, layers(tmp_path, part))
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_sound_with_parts_is_saved_equal(tmp_path: Path) -> None:
    sound = load_sound(layers(tmp_path, "{sound: a.yaml, keys: [3, 4]}", "{sound: b, channel: 3}"))
    save_sound(tmp_path / "again.yaml", sound)
    assert load_sound(tmp_path / "again.yaml") == sound
