"""Sounds are found by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.sound.file import save_sound
from runtime.sound.own import file_name, sounds_folder, user_sounds
from runtime.sound.sound import Sound, SoundInstrument
from runtime.sound.store import known_sounds, unknown_sound
from tests.support.playing import decoder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "timbrebox" / "sounds").mkdir(parents=True)
    return tmp_path / "timbrebox" / "sounds"


def test_the_folder_is_where_the_desktop_s_rules_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_DATA_HOME", value)
        assert sounds_folder() == Path("/home/someone/.local/share/timbrebox/sounds")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert sounds_folder() == Path("/data/timbrebox/sounds")


@pytest.mark.parametrize(
    "name",
    ["plain", "BriansBank04/114 Dreamy7", "../../etc/passwd", "..", ".hidden", " a ", "x.", "100%", "100%25", "~root",
     'a"b:c*d?e<f>g|h\\i', "naïve ü 😀", "-rf", "$(date)", "a" * 100, "é" * 90],
)  # fmt: skip
def test_a_file_of_any_name_is_in_the_folder_and_is_found_again(folder: Path, name: str) -> None:
    path = folder / file_name(name)
    assert path.parent == folder
    save_sound(path, Sound(phase_blend=0.5))
    assert list(folder.iterdir()) == [path]
    assert list(user_sounds()) == [name]
    assert user_sounds()[name].read() == Sound(phase_blend=0.5)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0", "x" * 101, "😀" * 60, "lead.yaml", "\ud800", "\u2028"])
def test_a_name_that_cannot_be_a_file_s_is_refused(name: str) -> None:
    with pytest.raises(UserError) as caught:
        file_name(name)
    assert str(caught.value).isprintable()


def test_both_spellings_of_an_accent_are_one_name() -> None:
    assert file_name("e\u0301") == file_name("\u00e9")


def test_what_is_no_sound_s_file_is_left_out(folder: Path) -> None:
    for name in (".x.yaml", "a.txt", "a%0Ab.yaml", "a%FF.yaml", "a.yaml.yaml", "%20.yaml"):
        (folder / name).write_text("")
    (folder / "b.yaml").write_text("name: another name")
    assert list(user_sounds()) == ["b"]


def test_the_presets_come_first_and_the_user_s_sound_wins_on_the_same_name(folder: Path) -> None:
    save_sound(folder / "lead.yaml", Sound(pan=1.0))
    card = decoder().card
    known = known_sounds(card, "tiny")
    assert [(k.name, k.origin, k.bank, k.program) for k in known.values()] == [
        ("mellow", "card", 0, 0),
        ("bright", "card", 0, 1),
        ("lead", "user", 1, 0),
    ]
    assert known["bright"].read() == Sound(
        name="bright", instrument=SoundInstrument("tiny"), latents={"low harmonics": 1.0, "high harmonics": 1.0}
    )
    save_sound(folder / "bright.yaml", Sound(pan=-1.0))
    assert known_sounds(card, "tiny")["bright"].read() == Sound(pan=-1.0)


def test_an_unknown_name_is_one_short_line() -> None:
    known = [f"sound {number}" for number in range(100)]
    assert str(unknown_sound("sound 12x", decoder().card, known)).endswith("did you mean 'sound 12'?")
    line = str(unknown_sound("zither", decoder().card, known))
    assert line.endswith("see: ./timbrebox presets")
    assert len(line) < 200
