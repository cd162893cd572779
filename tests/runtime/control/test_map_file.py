"""A control map that is loaded is equal to the one that was saved."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.control.mapping.library import CONTROLLERS_FOLDER
from runtime.control.mapping.lines import MapLine
from runtime.control.mapping.map_file import MapFile, load_map, map_from_tree, save_map
from tests.support.control_maps import any_map


@pytest.mark.parametrize("seed", range(60))
def test_any_map_is_loaded_as_it_was_kept(tmp_path: Path, seed: int) -> None:
    content = any_map(random.Random(seed))
    save_map(tmp_path / "map.yaml", content)
    assert load_map(tmp_path / "map.yaml") == content
    assert map_from_tree(content.tree, "map") == content


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("{control: cc 21, target: filter.cutof}", "line 1 of the map (cc 21), target: found 'filter.cutof'"),
        ("{control: cc 21, target: filter.cutof}", "did you mean 'filter.cutoff'?"),
        ("{control: cc 21, action: sav}", "did you mean 'save'?"),
        ("{control: cc 21}", "neither a target nor an action"),
        ("{control: cc 21, target: width, action: save}", "both a target and an action"),
        ("{control: cc 120, target: width}", "found 'cc 120'; expected cc 0 to 119"),
        ("{control: cc 98, target: width}", "which chooses a parameter of MIDI"),
        ("{control: cc14 32, target: width}", "cc14 0 to 31"),
        ("{control: cc, target: width}", "found 'cc'; expected cc 0 to 119"),
        ("{control: pressure 3, target: width}", "found 'pressure 3'"),
        ("{control: cc14 1, target: width, mode: relative_sign_bit}", "only a cc is relative"),
        ("{control: cc 1, target: width, mode: toggle, takeover: pick_up}", "found toggle with pick_up"),
        ("{control: cc 1, target: width, mode: toggle, curve: 0.5}", "found toggle with a curve"),
        (
            "{control: cc 1, target: width, range: [0.2, 1.2]}",
            "found 1.2 at lines[0].range[1]; expected `float`",
        ),
        ("{control: cc 1, target: filter.cutoff, values: [10, 2000]}", "found 10; expected 20 to 20000 Hz"),
        ("{control: cc 1, target: width, values: [0, 1], range: [0, 1]}", "both range and values"),
        ("{control: nrpn 1, action: save}", "a switch, such as cc 66 or note 36"),
        ("{control: cc 1, action: save, curve: 0.5}", "save with more keys"),
        ("{control: cc 1, target: width, chanel: 3}", "did you mean 'channel'?"),
        ("{control: cc 1, target: width, channel: 17}", "17"),
    ],
)
def test_a_mistake_in_a_line_is_named(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"lines: [{lines}]")
    with pytest.raises(UserError) as caught:
        load_map(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("curve", ["loud", "0", "128", "[[1, 1]]", "[[9, 1], [9, 2]]", "[[1, 0], [127, 127]]"])
def test_a_velocity_curve_that_makes_no_sense_is_refused(tmp_path: Path, curve: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"velocity_curve: {curve}")
    with pytest.raises(UserError, match="velocity_curve"):
        load_map(path)


def test_a_map_that_cannot_be_kept_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    save_map(path, any_map(random.Random(1)))
    before = path.read_bytes()
    with pytest.raises(UserError):
        save_map(path, MapFile(lines=(MapLine("cc 1"),)))
    assert path.read_bytes() == before


CONTROLLERS = sorted(CONTROLLERS_FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", CONTROLLERS, ids=lambda path: path.stem)
def test_a_controllers_map_says_where_its_numbers_are_from(path: Path) -> None:
    content = load_map(path)
    assert content.name
    assert content.tested is False
    assert content.lines
    if content.ports:
        assert content.source.startswith("https://")
    controls = [(line.control, line.channel) for line in content.lines]
    assert len(set(controls)) == len(controls)


def test_there_are_maps_for_six_devices() -> None:
    assert sum(bool(load_map(path).ports) for path in CONTROLLERS) >= 6
