"""`presets` lists sounds, and shows a sound as YAML."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runtime.__main__ import main
from runtime.commands import presets
from runtime.companion.sounds import package
from runtime.instrument.library import BUNDLED_FOLDER
from runtime.link.client import connect
from runtime.sound.file import load_sound, save_sound
from runtime.sound.sound import Sound
from runtime.sound.store import bundled_sounds
from tests.support.places import DATA
from tests.support.rig import LiveProgram, home_of_its_own, wait_until

TINY = str(DATA / "tiny.onnx")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's sounds, with a sound `my 1/2` that any instrument can play."""
    for name, value in home_of_its_own(tmp_path).items():
        monkeypatch.setenv(name, value)
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
        {"name": "my 1/2", "instrument": None, "bank": 1, "program": 0, "origin": "user"},
        {"name": "solo", "instrument": "violin", "bank": 1, "program": 1, "origin": "user"},
    ]


def test_the_list_comes_without_a_word_too(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["presets"]) == 0
    bare = capsys.readouterr().out
    assert main(["presets", "list"]) == 0
    assert capsys.readouterr().out == bare
    lines = bare.splitlines()
    assert lines[0] == "BriansBank04/114 Dreamy7  (card, program 0, virtual-analogue)"
    assert lines[8] == "Paper, steady  (bundled, program 8, virtual-analogue)"
    assert lines[-1] == "my 1/2  (user, bank 1, program 0, any instrument)"
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
        (["rename", "my 1/3", "x"], "did you mean 'my 1/2'?"),
        (["rename", "my 1/2", "x.yaml"], "not taken for a file's"),
        (["copy", "my 1/2", "my 1/2"], "which a sound of yours has"),
        (["delete", "mellow"], "a sound of your own"),
        (["undo"], "nothing to take back"),
        (["save"], "nothing that plays or has played"),
        (["save", ""], "an empty name"),
        (["import", "none.yaml"], "none.yaml: found no such file"),
        (["export", "my 1/2", "none/there/../\0"], "found"),
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


def test_own_sounds_are_renamed_copied_deleted_and_brought_back(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (
        ["copy", "my 1/2", "b"],
        ["rename", "b", "c"],
        ["delete", "my 1/2"],
        ["undo"],
        ["export", "c", str(folder.parent / "c.timbrebox")],
        ["delete", "c"],
        ["import", str(folder.parent / "c.timbrebox")],
        ["import", str(folder / "c.yaml")],
    ):
        assert main(["presets", *arguments]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        assert printed.out.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["c.yaml", "my 1%2F2.yaml"]


def test_a_sound_is_mailed_with_its_instrument(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    mailed = tmp_path / "bright.timbrebox"
    assert main(["presets", "export", "bright", str(mailed), "--with-instrument", "--instrument", TINY]) == 0
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "of someone else"))
    assert main(["presets", "import", str(mailed)]) == 0
    assert "Its instrument is tiny." in capsys.readouterr().out
    assert main(["render", str(DATA / "scale.mid"), str(tmp_path / "x.wav"), "--sound", "bright"]) == 0
    assert "instrument tiny" in capsys.readouterr().out
    # Now another instrument has the same name.
    other = tmp_path / "of someone else" / "timbrebox" / "instruments" / "tiny.onnx"
    other.write_bytes((BUNDLED_FOLDER / "strings.onnx").read_bytes())
    assert main(["presets", "import", str(mailed)]) == 0
    assert "Its instrument is tiny-2." in capsys.readouterr().out
    assert load_sound(folder_of(tmp_path / "of someone else") / "bright 2.yaml").made_for.name == "tiny-2"


def test_a_mailed_file_that_is_no_instrument_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    mailed = tmp_path / "x.timbrebox"
    package.pack(mailed, Sound(name="x"), None, {"evil.onnx": b"no model"})
    assert main(["presets", "import", str(mailed)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (folder / "x.yaml").exists()
    assert list((tmp_path / "timbrebox" / "instruments").iterdir()) == []


def folder_of(data: Path) -> Path:
    return data / "timbrebox" / "sounds"


def test_save_takes_what_plays_and_without_that_what_was_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for name, value in home_of_its_own(tmp_path).items():
        monkeypatch.setenv(name, value)
    with LiveProgram(["--audio", "null", "--instrument", TINY], dict(os.environ), tmp_path) as program:
        with connect() as link:
            link.ask("move", target="phase_blend", position=0.75)
            wait_until(lambda: link.ask("state")["sound"]["phase_blend"] == 0.75, "the move")
        assert main(["presets", "save", "first"]) == 0
        assert capsys.readouterr().out.startswith("Saved as first: ")
        program.stop()
    assert main(["presets", "save"]) == 0
    assert capsys.readouterr().out.startswith("Nothing plays now, so the last sound was taken. Saved as Sound 1: ")
    for name in ("first", "Sound 1"):
        sound = load_sound(tmp_path / "data" / "timbrebox" / "sounds" / f"{name}.yaml")
        assert (sound.name, sound.phase_blend, sound.made_for.name) == (name, 0.75, "tiny")


def test_the_list_has_the_sounds_of_the_instrument_that_plays_and_names_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("instrument: pads")
    with LiveProgram(["--audio", "null", "--no-panel", "--instrument", TINY], dict(os.environ), tmp_path) as program:
        assert main(["presets"]) == 0
        printed = capsys.readouterr()
        assert printed.err == f"timbrebox: tiny plays: its sounds, then yours, from {folder}\n"
        assert printed.out.splitlines()[0] == "mellow  (card, program 0, tiny)"
        assert main(["presets", "list", "--json"]) == 0
        printed = capsys.readouterr()
        assert (printed.err, json.loads(printed.out)[0]["name"]) == ("", "mellow")
        assert main(["presets", "show", "mellow"]) == 0
        assert "low harmonics" in capsys.readouterr().out
        for option, said in ((("--config", str(settings)), "pads"), (("--instrument", "strings"), "strings")):
            assert main(["presets", "list", *option]) == 0
            printed = capsys.readouterr()
            assert (printed.err, printed.out.splitlines()[0].endswith(f"program 0, {said})")) == ("", True)
        # The same socket, as if it were the service's.
        monkeypatch.setattr(presets, "SERVICE_SOCKET", tmp_path / "run" / "timbrebox" / "control")
        assert main(["presets"]) == 0
        assert capsys.readouterr().err.endswith("; the service that plays has its own (see its page)\n")
        program.stop()
    assert main(["presets"]) == 0
    printed = capsys.readouterr()
    assert (printed.err, printed.out.splitlines()[0].endswith("program 0, virtual-analogue)")) == ("", True)


@pytest.mark.parametrize("line", ["delete|Round bass", "rename|flute|mine", "copy|Round bass|mine"])
def test_a_sound_of_an_instrument_is_no_sound_of_your_own(
    folder: Path, line: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["presets", *line.split("|")]) == 2
    said = capsys.readouterr().err
    assert "which comes with " + ("orchestra" if "flute" in line else "virtual-analogue") in said
    assert (said.count("\n"), len(list(folder.iterdir()))) == (1, 1)
