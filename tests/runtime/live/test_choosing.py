"""Sounds are chosen, saved and changed while `play` runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.link.client import Link
from runtime.sound.file import load_sound, save_sound
from runtime.sound.sound import Sound
from tests.support.places import ROOT
from tests.support.rig import LiveProgram, wait_until

TINY = ROOT / "tests" / "data" / "tiny.onnx"


class Playing:
    """The program, and a link to it.

    folder: the folder of the user's sounds.
    """

    def __init__(self, program: LiveProgram, home: Path):
        self.program, self.link = program, Link(home / "run" / "timbrebox" / "control")
        self.folder = home / "data" / "timbrebox" / "sounds"

    @property
    def name(self) -> str | None:
        return self.link.ask("state")["name"]

    def wait_for(self, name: str) -> None:
        wait_until(lambda: self.name == name, name, lambda: self.name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def program(home: Path) -> Iterator[LiveProgram]:
    with LiveProgram(["--audio", "null", "--instrument", TINY], dict(os.environ), home) as program:
        yield program
        assert program.stop() == 0
        assert program.errors == ""


@pytest.fixture
def playing(program: LiveProgram, home: Path) -> Iterator[Playing]:
    playing = Playing(program, home)
    playing.folder.mkdir(parents=True, exist_ok=True)
    for path in playing.folder.iterdir():
        path.unlink()
    playing.link.ask("sound", name="mellow")
    playing.wait_for("mellow")
    yield playing
    playing.link.close()


def test_a_sound_of_the_instrument_and_one_of_the_user_s_are_chosen_by_name(playing: Playing) -> None:
    save_sound(playing.folder / "my 1%2F2.yaml", Sound(phase_blend=0.25, instrument="tiny"))
    assert playing.link.ask("sound", name="bright") == {"name": "bright", "instrument": "tiny"}
    playing.wait_for("bright")
    playing.link.ask("sound", name="my 1/2")
    playing.wait_for("my 1/2")
    assert playing.link.ask("state")["sound"]["phase_blend"] == 0.25


def test_sounds_are_chosen_by_number_and_step_by_step(playing: Playing) -> None:
    for name in ("a", "b"):
        save_sound(playing.folder / f"{name}.yaml", Sound(pan=0.5))
    playing.link.ask("sound", number=129)
    playing.wait_for("b")
    for action, name in (
        ("next_sound", "mellow"),
        ("next_sound", "bright"),
        ("next_sound", "a"),
        ("next_sound", "b"),
        ("previous_sound", "a"),
        ("previous_sound", "bright"),
    ):
        playing.link.ask("action", name=action)
        playing.wait_for(name)
        playing.program.wait_for(f"Sound: {name}.")
    for _ in range(3):  # faster than the engine changes sounds
        playing.link.ask("action", name="next_sound")
    playing.wait_for("mellow")


def test_after_the_first_sound_at_the_start_comes_the_second(tmp_path: Path) -> None:
    start = LiveProgram(["--audio", "null", "--instrument", TINY, "--no-panel"], dict(os.environ), tmp_path)
    with start as program, Link(tmp_path / "run" / "timbrebox" / "control") as link:
        assert link.ask("state")["name"] == "mellow"
        link.ask("action", name="next_sound")
        program.wait_for("Sound: bright.")


def test_a_sound_that_cannot_be_played_is_named_and_passed_over(playing: Playing) -> None:
    save_sound(playing.folder / "c.yaml", Sound(pan=0.5))
    (playing.folder / "a.yaml").write_text("parts: [{sound: mellow}, {sound: bright}]")
    (playing.folder / "b.yaml").write_text("pan: 3")
    playing.link.ask("sound", name="bright")
    playing.wait_for("bright")
    for words in ("The sound stays as it is: ", "found 3 at pan", "Sound: c."):
        playing.link.ask("action", name="next_sound")
        playing.program.wait_for(words)
    playing.wait_for("c")


def test_a_sound_is_chosen_that_is_in_no_file(playing: Playing) -> None:
    playing.link.ask("sound", tree={"name": "drawn", "phase_blend": 0.5})
    playing.wait_for("drawn")


def test_a_sound_with_parts_is_chosen_that_is_in_no_file(playing: Playing) -> None:
    parts = [{"sound": "mellow", "keys": [0, 59]}, {"sound": "bright", "keys": [60, 127]}]
    said = [part | {"instrument": str(TINY)} for part in parts]
    assert playing.link.ask("sound", tree={"name": "drawn split", "parts": said})["waits"]
    wait_until(lambda: playing.link.ask("state")["name"] == "drawn split", "the split")
    whole = playing.link.ask("state")["whole"]
    assert whole["parts"] == said
    playing.link.ask("sound", tree={"name": "drawn", "pan": 0.5})
    wait_until(lambda: playing.link.ask("state")["name"] == "drawn", "the sound")
    assert playing.link.ask("state")["whole"] is None
    playing.link.ask("sound", tree=whole)
    wait_until(lambda: playing.link.ask("state")["whole"] == whole, "the split again")
    with pytest.raises(UserError, match="lowest first"):
        playing.link.ask("sound", tree={"parts": [{"sound": "mellow", "keys": [9, 3]}]})
    playing.link.ask("sound", tree={"parts": [{"sound": "nothing like it"}]})
    playing.program.wait_for("The sound stays as it is: the sound, parts[0].sound: found 'nothing like it'")


def test_what_plays_is_saved_and_is_the_same_sound_again(playing: Playing) -> None:
    playing.link.ask("move", target="latent.1", position=0.125)
    playing.link.ask("move", target="filter.cutoff", position=0.5)
    wait_until(lambda: playing.link.ask("state")["positions"]["filter.cutoff"] == 0.5, "the move")
    before = playing.link.ask("state")["sound"]
    saved = playing.link.ask("save", name="kept")
    assert saved == {"name": "kept", "file": str(playing.folder / "kept.yaml"), "replaced": False, "number": 128}
    playing.link.ask("sound", name="bright")
    playing.wait_for("bright")
    playing.link.ask("sound", name="kept")
    playing.wait_for("kept")
    assert playing.link.ask("state")["sound"] == before | {"name": "kept"}


def test_what_plays_after_saving_has_the_new_name_and_place(playing: Playing) -> None:
    for name in ("a", "z"):
        save_sound(playing.folder / f"{name}.yaml", Sound(pan=0.5))
    playing.link.ask("move", target="latent.1", position=0.125)
    playing.link.ask("save", name="m")
    assert playing.name == "m"
    playing.link.ask("move", target="latent.1", position=0.25)
    assert playing.name == "m"
    for action, name in (("next_sound", "z"), ("previous_sound", "m"), ("previous_sound", "a")):
        playing.link.ask("action", name=action)
        playing.wait_for(name)
    playing.link.ask("sound", name="m")
    playing.wait_for("m")
    playing.link.ask("save", name="0")
    playing.link.ask("action", name="next_sound")
    playing.wait_for("a")


def test_the_action_saves_under_a_new_name_and_tells_those_who_watch(playing: Playing) -> None:
    playing.link.ask("watch", topics=["change"])
    playing.link.ask("action", name="save")
    assert next(playing.link.news(10.0)) == ("change", {"saved": "Sound 1"})
    assert load_sound(playing.folder / "Sound 1.yaml").made_for.name == "tiny"
    playing.program.wait_for("Saved as Sound 1.")


def test_the_user_s_sounds_are_kept_over_the_link(playing: Playing) -> None:
    ask = playing.link.ask
    ask("save", name="a")
    ask("sounds.copy", name="a", new_name="b")
    ask("sounds.rename", name="b", new_name="c")
    assert [(row["name"], row["bank"], row["program"]) for row in ask("sounds.list")] == [("a", 1, 0), ("c", 1, 1)]
    ask("sounds.delete", name="a")
    assert ask("sounds.undo") == "a is back."
    assert ask("sounds.read", name="a")["tree"]["instrument"]["name"] == "tiny"


def test_bad_sounds_are_refused_and_the_present_one_plays_on(playing: Playing) -> None:
    (playing.folder / "broken.yaml").write_text("pan: 7")
    save_sound(playing.folder / "other.yaml", Sound(instrument="violin", latents={"no such": 0.5}))
    for params, words in (
        ({"name": "broken"}, "broken.yaml: found 7"),
        ({"name": "brigt"}, "did you mean 'bright'"),
        ({"name": "other"}, "a sound for violin"),
        ({"number": 130}, "program 2 of bank 1"),
        ({"number": 5}, "program 5 of bank 0"),
        ({"tree": {"latents": {"nope": 0.5}}}, "nope"),
        ({}, "0 of name, number and tree"),
        ({"name": "bright", "number": 1}, "2 of name, number and tree"),
    ):
        with pytest.raises(UserError, match=words):
            playing.link.ask("sound", **params)
    assert playing.name == "mellow"


def test_a_save_that_fails_is_one_mistake(playing: Playing) -> None:
    with pytest.raises(UserError, match="length"):
        playing.link.ask("save", name="")
    playing.folder.rmdir()
    playing.folder.write_text("no folder")
    with pytest.raises(UserError, match="Not a directory"):
        playing.link.ask("save", name="x")
    playing.folder.unlink()


def test_a_sound_for_another_instrument_swaps_it_in(tmp_path: Path) -> None:
    with LiveProgram(["--audio", "null", "--instrument", TINY], dict(os.environ), tmp_path) as program:
        playing = Playing(program, tmp_path)
        save_sound(playing.folder / "bowed.yaml", Sound(instrument="strings", phase_blend=0.25))
        assert playing.link.ask("sound", name="bowed") == {"name": "bowed", "instrument": "strings"}
        with pytest.raises(UserError, match="does not play yet"):
            playing.link.ask("save", name="bowed")
        program.wait_for("Instrument: ")
        assert load_sound(playing.folder / "bowed.yaml").made_for.name == "strings"
        state = playing.link.ask("state")
        assert (state["instrument"]["name"], state["sound"]["phase_blend"]) == ("strings", 0.25)
        playing.link.ask("save", name="again")
        assert load_sound(playing.folder / "again.yaml").made_for.name == "strings"
        playing.link.close()
        assert program.stop() == 0
        assert program.errors == ""
