"""A port's name chooses a map; maps are combined in a fixed order."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.config import Config, MidiConfig
from runtime.control.mapping import library
from runtime.control.mapping.layers import configured_lines
from runtime.control.mapping.library import (
    device_setup,
    find_map,
    known_devices,
    learned_path,
    load_learned,
    map_for_port,
    save_learned,
)
from runtime.control.mapping.lines import MapLine
from runtime.control.mapping.map_file import MapDevice
from runtime.control.mapping.velocity import velocity_table

KEYS = MapDevice("keys:out")


@pytest.fixture(autouse=True)
def maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = library.maps_folder()
    path.mkdir(parents=True)
    return path


def test_the_service_keeps_learned_maps_in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "service"))
    learned = (MapLine(control="cc 20", target="width"),)
    library.save_learned(KEYS, learned, None)
    assert library.learned_path(KEYS).is_relative_to(tmp_path / "service" / "maps")
    assert list((tmp_path / "service" / "maps").iterdir()) == [library.learned_path(KEYS)]


def moves(lines: tuple[MapLine, ...], control: str) -> list[str]:
    return [line.moves for line in lines if line.control == control]


def test_a_map_is_chosen_by_the_ports_name(maps: Path) -> None:
    assert map_for_port("nanoKONTROL2:nanoKONTROL2 MIDI 1").name == "Korg nanoKONTROL2"
    assert map_for_port("Some other box") is None
    (maps / "mine.yaml").write_text("{ports: [nanokontrol], lines: [{control: cc 1, target: width}]}")
    assert map_for_port("nanoKONTROL2:nanoKONTROL2 MIDI 1").name == "mine"


def test_maps_lie_upon_each_other_in_order() -> None:
    save_learned(KEYS, (MapLine("cc 71", "tilt"),))
    setup = device_setup(Config(midi=MidiConfig(map="gm2"), latent_controls={72: 1}), KEYS)
    lines = setup.lines
    assert moves(lines, "cc 71") == ["tilt"]  # learned
    assert moves(lines, "cc 72") == ["latent.1"]  # from the settings
    assert moves(lines, "cc 73") == ["envelope.attack"]  # from the map named in the settings
    assert moves(lines, "cc 70") == []  # gm2 replaces the default map, and has no line for cc 70
    generic = device_setup(Config(midi=MidiConfig(map="generic")), KEYS).lines
    assert (moves(generic, "cc 20"), moves(generic, "cc 70")) == (["latent.1"], ["latent.1"])


def test_controllers_can_be_off() -> None:
    box = MapDevice("nanoKONTROL2:nanoKONTROL2 MIDI 1")
    assert moves(device_setup(Config(), box).lines, "cc 16") == ["filter.cutoff"]
    off = Config(midi=MidiConfig(controllers=False))
    assert moves(device_setup(off, box).lines, "cc 16") == []


def test_what_was_learned_is_known_again(maps: Path) -> None:
    second = MapDevice("keys:out", 2, "1-1.3")
    for device in (KEYS, second):
        save_learned(device, (MapLine("cc 20", f"latent.{device.order}"),))
    assert {path.name for path in maps.iterdir()} == {"keys%3Aout.yaml", "keys%3Aout#2.yaml"}
    assert set(known_devices()) == {KEYS, second}
    assert moves(load_learned(second).lines, "cc 20") == ["latent.2"]


def test_the_other_keys_of_a_learned_map_stay(maps: Path) -> None:
    learned_path(KEYS).write_text("{velocity_curve: soft, lines: []}")
    save_learned(KEYS, (MapLine("cc 20", "width"),), load_learned(KEYS))
    setup = device_setup(Config(), KEYS)
    assert (setup.velocity_curve, len(setup.learned)) == ("soft", 1)


def test_a_broken_file_is_named_and_the_rest_is_used(maps: Path) -> None:
    learned_path(KEYS).write_text("lines: [{control: cc 20, target: wdth}]")
    (maps / "other.yaml").write_text("lines: [")
    setup = device_setup(Config(midi=MidiConfig(map="generic")), KEYS)
    assert "did you mean 'width'?" in setup.problem
    assert "\n" not in setup.problem
    assert moves(setup.lines, "cc 20") == ["latent.1"]
    assert "no such file" in device_setup(Config(midi=MidiConfig(map="gone.yaml")), MapDevice("x")).problem
    assert known_devices() == []


BROKEN = "lines: [{control: cc 1, target: wdth}]"


@pytest.mark.parametrize(
    "text",
    [
        f"ports: [nanokontrol]\n{BROKEN}\n",
        f"{BROKEN}\nports: [x1, nanokontrol]\n",
        "ports: [nanokontrol]\nlines: [\n",  # no YAML
        "ports:\n- nanokontrol\nlines:\n\t- {}\n",
        "{name: {a: [b]}, ports: [nanokontrol], port: x}",
        "ports: nanokontrol\n",
    ],
)
def test_a_broken_map_that_its_ports_would_choose_is_named(maps: Path, text: str) -> None:
    box, other = MapDevice("nanoKONTROL2:nanoKONTROL2 MIDI 1"), MapDevice("Oxygen 49")
    (maps / "mine.yaml").write_text(text)
    setup = device_setup(Config(), box)
    assert setup.problem.startswith(f"{box.port}: {maps / 'mine.yaml'}")
    assert "; expected " in setup.problem
    assert "\n" not in setup.problem
    assert (setup.map_name, setup.chosen) == ("", configured_lines(Config()))
    assert device_setup(Config(), other).problem == ""
    assert device_setup(Config(midi=MidiConfig(controllers=False)), box).problem == ""
    (maps / "longer.yaml").write_text("ports: [nanokontrol2]")  # a map that fits better wins, broken or not
    assert (device_setup(Config(), box).problem, device_setup(Config(), box).map_name) == ("", "longer")


@pytest.mark.parametrize("text", ["name: 'x\nports: [nanokontrol]\n", "ports: [x1, nanokontrol\nlines: []\n"])
def test_a_map_that_is_broken_before_the_end_of_its_ports_is_named_for_every_input_and_passed_over(
    maps: Path, text: str
) -> None:
    (maps / "mine.yaml").write_text(text)
    for port, name in (("nanoKONTROL2:nanoKONTROL2 MIDI 1", "Korg nanoKONTROL2"), ("Some other box", "")):
        setup = device_setup(Config(), MapDevice(port))
        assert (setup.map_name, setup.problem.startswith(f"{port}: {maps / 'mine.yaml'}")) == (name, True)


def test_a_broken_learned_map_is_named_once(maps: Path) -> None:
    for text, said_of_another in (
        ("device: {port: x}\nlines: [", 0),
        ("device: {port: x}\nports: [keys]\n[", 0),
        ("[", 1),
    ):
        learned_path(KEYS).write_text(text)
        problems = [device_setup(Config(), device).problem for device in (KEYS, MapDevice("x"))]
        assert [problem.count(str(learned_path(KEYS))) for problem in problems] == [1, said_of_another]


def test_an_unknown_map_is_refused_with_a_similar_name() -> None:
    with pytest.raises(UserError, match="did you mean 'generic'"):
        find_map("generik")


@pytest.mark.parametrize("name", ["", ".", "..", "../../etc/passwd", "x" * 300, "Räume/\0", "ä" * 200, ".hidden"])
def test_any_ports_name_has_a_file_in_the_folder(maps: Path, name: str) -> None:
    device = MapDevice(name)
    save_learned(device, (MapLine("cc 20", "width"),))
    assert learned_path(device).parent == maps
    assert [path.name[0] for path in maps.iterdir()] != ["."]
    assert load_learned(device).device == device


def test_velocity_curves() -> None:
    assert velocity_table("linear") is None
    soft, hard, fixed = velocity_table("soft"), velocity_table("hard"), velocity_table(77)
    assert soft[40] > 40 > hard[40] > 0
    assert (soft[127], hard[127], soft[1] > 0, hard[1]) == (127, 127, True, 1)
    assert set(fixed[1:]) == {77}
    points = velocity_table(((20, 1), (100, 121)))
    assert (points[5], points[20], points[60], points[110]) == (1, 1, 61, 121)
    for table in (soft, hard, fixed, points):
        assert (len(table), table[0]) == (128, 0)
        assert all(1 <= low <= high <= 127 for low, high in pairwise(table[1:]))
