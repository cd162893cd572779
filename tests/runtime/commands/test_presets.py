"""`presets`: lists what --sound knows by name, and shows a sound as YAML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.__main__ import main
from runtime.sound.file import load_sound, save_sound
from runtime.sound.sound import Sound
from runtime.sound.store import bundled_sounds
from tests.support.places import DATA

TINY = str(DATA / "tiny.onnx")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's sounds, with the sound `my 1/2` for any instrument."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "timbrebox" / "sounds"
    save_sound(folder / "my 1%2F2.yaml", Sound(name="other words", pan=0.5))
    return folder


def test_the_list_has_the_presets_and_the_user_s_sounds(folder: Path, capsys: pytest.CaptureFixture) -> None:
    save_sound(folder / "solo.yaml", Sound(instrument="violin"))
    assert main(["presets", "list", "--json", "--instrument", TINY]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out) == [
        {"name": "mellow", "instrument": "tiny", "bank": 0, "program": 0, "origin": "card"},
        {"name": "bright", "instrument": "tiny", "bank": 0, "program": 1, "origin": "card"},
        {"name": "my 1/2", "instrument": None, "bank": None, "program": None, "origin": "user"},
        {"name": "solo", "instrument": "violin", "bank": None, "program": None, "origin": "user"},
    ]


def test_the_list_comes_without_a_word_too(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["presets"]) == 0
    bare = capsys.readouterr().out
    assert main(["presets", "list"]) == 0
    assert capsys.readouterr().out == bare
    lines = bare.splitlines()
    assert lines[0] == "BriansBank04/114 Dreamy7  (card, program 0, virtual-analogue)"
    assert lines[8] == "Paper, steady  (bundled, program 8, virtual-analogue)"
    assert lines[-1] == "my 1/2  (user, any instrument)"
    assert len(lines) == 8 + len(bundled_sounds("virtual-analogue", 8)) + 1


def test_a_broken_file_is_named_and_the_others_are_listed(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / "broken.yaml").write_text("pan: 3")
    assert main(["presets", "list", "--instrument", TINY]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("timbrebox: broken: not playable: ")
    assert printed.err.count("\n") == 1
    assert len(printed.out.splitlines()) == 3


@pytest.mark.parametrize("name", ["bright", "my 1/2", "file"])
def test_show_prints_a_sound_that_can_be_read_again(
    folder: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture
) -> None:
    path = folder / "my 1%2F2.yaml"
    assert main(["presets", "show", str(path) if name == "file" else name, "--instrument", TINY]) == 0
    copy = tmp_path / "copy.yaml"
    copy.write_text(capsys.readouterr().out)
    if name == "bright":
        assert load_sound(copy).latents == {"low harmonics": 1.0, "high harmonics": 1.0}
    else:
        assert load_sound(copy) == load_sound(path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "brigt"], "sound's name: found 'brigt'; expected a sound of tiny, one of your own or a .yaml file;"),
        (["show", "none.yaml"], "none.yaml: found no such file"),
        (["show"], "NAME|FILE.yaml"),
        (["shwo"], "did you mean 'show'?"),
        (["list", "--instrument", "none.onnx"], "none.onnx: found no such file"),
        (["list", "--config", "none.yaml"], "none.yaml: found no such file"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(folder)
    if "brigt" in arguments:
        arguments = [*arguments, "--instrument", TINY]
    assert main(["presets", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
