"""The real program restores its state at the next start, unless the state is broken or may have caused a crash."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from runtime.companion.state import read_state, state_path
from runtime.control.targets import RANGES
from runtime.live.memory import Memory
from tests.support.places import ROOT
from tests.support.rig import LiveProgram, ask, wait_until

TINY = ROOT / "tests" / "data" / "tiny.onnx"
Start = Callable[..., LiveProgram]


def move(home: Path, **positions: float) -> None:
    """Move targets, and wait until the state file contains their positions."""
    for target, position in positions.items():
        ask(home, "move", target=target.replace("_1", ".1"), position=position)
    wait_until(lambda: kept_positions() == positions, "the state", lambda: str(read_state()))


def kept_positions() -> dict[str, float]:
    state = read_state()
    if state is None:
        return {}
    first = next(iter(state.sound["latents"]))
    return {"latent_1": state.sound["latents"][first], "phase_blend": state.sound["phase_blend"]}


def moved_sound(home: Path) -> dict[str, float]:
    sound = ask(home, "state")["sound"]
    return {"latent_1": next(iter(sound["latents"].values())), "phase_blend": sound["phase_blend"]}


MOVED = {"latent_1": 0.125, "phase_blend": 0.75}


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGKILL])
def test_the_sound_as_edited_comes_back(with_signal: int, start: Start, home: Path) -> None:
    with start("--instrument", TINY) as program:
        move(home, **MOVED)
        name = ask(home, "state")["name"]
        program.stop(with_signal)
    with start() as program:
        assert any("The last sound is back" in line for line in program.lines)
        assert moved_sound(home) == MOVED
        assert name is not None
        assert ask(home, "state")["name"] == name
        assert ask(home, "state")["instrument"]["file"] == str(TINY)
        assert program.stop() == 0
        assert program.errors == ""


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """A sound with two parts; the first has a morph."""
    (tmp_path / "morph.yaml").write_text("morph: {sounds: [mellow, bright]}")
    sounds = {"morph.yaml": [0, 59], "bright": [60, 127]}
    parts = [{"sound": sound, "instrument": str(TINY), "keys": keys} for sound, keys in sounds.items()]
    (tmp_path / "split.yaml").write_text(yaml.safe_dump({"parts": parts}))
    return tmp_path / "split.yaml"


def all_positions() -> list[dict[str, float]]:
    state = read_state()
    return [state.positions, *state.other_positions]


def test_each_part_of_a_split_comes_back_as_it_was_moved(start: Start, home: Path, split: Path) -> None:
    with start("--sound", split) as program:
        (latent, *_) = ask(home, "state")["positions"]
        moved = {"morph": 0.5, latent: 0.125, "tilt": 0.25, "level": 0.75}
        for target, position in moved.items():
            ask(home, "move", target=target, position=position)
        wait_until(lambda: ask(home, "state")["positions"]["level"] == 0.75, "the moves")
        assert program.stop() == 0
    kept = all_positions()
    assert len(kept) == 2
    assert kept[0] != kept[1]
    with start() as program:
        assert ask(home, "state")["positions"] == kept[0]
        assert program.stop() == 0
    assert all_positions() == kept


def test_a_part_of_which_nothing_is_remembered_gets_the_first_one_s_volume(
    start: Start, home: Path, split: Path
) -> None:
    with start("--sound", split) as program:
        ask(home, "move", target="level", position=0.5)
        wait_until(lambda: ask(home, "state")["positions"]["level"] == 0.5, "the move")
        assert program.stop() == 0
    state = json.loads(state_path().read_text())
    state_path().write_text(json.dumps(state | {"other_positions": []}))
    with start() as program:
        assert program.stop() == 0
    assert [positions["level"] for positions in all_positions()] == [0.5, 0.5]


def test_what_changes_just_before_the_end_is_remembered(start: Start, home: Path) -> None:
    with start("--instrument", TINY) as program:
        for target, position in (("latent.1", 0.25), ("phase_blend", 0.5)):
            ask(home, "move", target=target, position=position)
        wait_until(lambda: moved_sound(home)["phase_blend"] == 0.5, "the move")
        assert program.stop() == 0
    assert kept_positions() == {"latent_1": 0.25, "phase_blend": 0.5}


def test_a_demo_plays_its_own_instrument_and_leaves_the_remembered_sound_alone(start: Start, home: Path) -> None:
    with start("--instrument", TINY) as program:
        move(home, **MOVED)
        program.stop()
    with start("--demo") as program:
        assert not any("The last sound is back" in line for line in program.lines)
        assert ask(home, "state")["instrument"]["name"] == "virtual-analogue"
        assert moved_sound(home) != MOVED
        ask(home, "move", target="tilt", position=0.25)
        wait_until(lambda: ask(home, "state")["positions"]["tilt"] == 0.25, "the move")
        program.stop()
    assert kept_positions() == MOVED


def test_a_demo_does_not_begin_with_the_sound_that_its_own_instrument_played_last(start: Start, home: Path) -> None:
    for options, comes_back in ((), False), (("--demo",), False), ((), True):
        with start(*options) as program:
            assert any("The last sound is back" in line for line in program.lines) == comes_back
            wait_until(read_state, "the state")
            program.stop()


def test_a_demo_is_played_by_the_instrument_that_an_option_names(start: Start, home: Path, tmp_path: Path) -> None:
    settings, sound = tmp_path / "config.yaml", tmp_path / "sound.yaml"
    settings.write_text(yaml.safe_dump({"instrument": "pads"}))
    sound.write_text(yaml.safe_dump({"instrument": "strings"}))
    named = {"fm": ("--instrument", "fm"), "pads": ("--config", settings), "strings": ("--sound", sound)}
    for name, options in named.items():
        with start("--demo", *options) as program:
            assert ask(home, "state")["instrument"]["name"] == name
            program.stop()


def test_options_win_over_what_is_remembered(start: Start, home: Path, tmp_path: Path) -> None:
    with start("--instrument", TINY) as program:
        move(home, **MOVED)
        program.stop()
    sound = tmp_path / "other.yaml"
    sound.write_text(yaml.safe_dump({"phase_blend": 0.25}))
    for options, blend in ((("--sound", sound, "--instrument", TINY), 0.25), (("--instrument", "strings"), 1.0)):
        with start(*options) as program:
            assert moved_sound(home)["phase_blend"] == blend
            program.kill()


def level_at(volume_db: float) -> float:
    """The position of the target `level` at a volume, for a sound without a level of its own."""
    return RANGES["level"].position_of(volume_db)


def test_a_changed_settings_file_wins_over_what_is_remembered(start: Start, home: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    for volume_db in (-6.0, -12.0):
        config.write_text(yaml.safe_dump({"volume_db": volume_db, "instrument": str(TINY)}))
        with start("--config", config) as program:
            assert ask(home, "state")["volume_db"] == volume_db
            assert ask(home, "state")["positions"]["level"] == pytest.approx(level_at(volume_db), abs=1e-5)
            wait_until(lambda v=volume_db: (s := read_state()) and s.settings.volume_db == v, "the state")
            assert program.stop() == 0
    state = json.loads(state_path().read_text())
    state["settings"]["volume_db"] = -3.0  # as if the player had raised the volume
    state_path().write_text(json.dumps(state))
    with start("--config", config) as program:
        assert ask(home, "state")["volume_db"] == -3.0
        program.stop()


NEWER = b'{"state_version": 99}'


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"{}", NEWER, b"[" * 100000])
def test_a_broken_state_is_put_aside_and_named_in_one_line(content: bytes, start: Start, home: Path) -> None:
    state_path().parent.mkdir(parents=True)
    state_path().write_bytes(content)
    with start("--instrument", TINY) as program:
        (line,) = [line for line in program.lines if "The last state is not used" in line]
        assert "state.json" in line
        assert program.stop() == 0
        assert program.errors == ""
    aside = "state.newer.json" if content == NEWER else "state.aside.json"
    assert state_path().with_name(aside).read_bytes() == content
    assert read_state() is not None


@pytest.mark.parametrize(
    ("key", "value"), [("instrument", "no-such"), ("sound", {"latents": {"nope": 0.5}}), ("sound", {"pan": 7})]
)
def test_a_state_that_fits_nothing_is_put_aside(key: str, value: object, start: Start, home: Path) -> None:
    with start("--instrument", TINY) as program:
        wait_until(read_state, "the state")
        program.stop()
    state = json.loads(state_path().read_text())
    state_path().write_text(json.dumps(state | {key: value}))
    with start() as program:
        assert len([line for line in program.lines if "The last state is not used" in line]) == 1
        assert program.stop() == 0


def test_a_state_with_which_play_dies_early_is_not_restored_again(start: Start, home: Path) -> None:
    with start("--instrument", TINY) as program:
        move(home, **MOVED)
        program.kill()
    with start() as program:
        assert moved_sound(home) == MOVED
        program.kill()
    with start() as program:
        assert any("ended within 10 s" in line for line in program.lines)
        assert ask(home, "state")["instrument"]["name"] == "virtual-analogue"
        program.stop()


def test_a_state_that_has_proven_harmless_is_restored_after_each_kill_but_not_after_a_crash(
    start: Start, home: Path
) -> None:
    with start("--instrument", TINY) as program:
        move(home, **MOVED)
        program.kill()
    for with_signal in (signal.SIGKILL, signal.SIGSEGV):
        with start(module="tests.support.short_trial") as program:
            assert moved_sound(home) == MOVED
            wait_until(lambda: not state_path().with_name("state.crash").read_bytes(), "the end of the trial")
            program.stop(with_signal)
    with start() as program:
        assert any("Segmentation fault" in line for line in program.lines)
        assert moved_sound(home) != MOVED
        program.stop()


def test_a_mistake_of_ours_is_a_crash_and_a_user_s_is_none(home: Path) -> None:
    lines: list[str] = []
    for error, is_crash in ((None, False), (ZeroDivisionError("x"), True)):
        state_path().parent.mkdir(parents=True, exist_ok=True)
        state_path().write_text('{"instrument": "tiny", "sha256": "", "sound": {}}')
        memory = Memory(lines.append)
        assert memory.state is not None
        memory.begin_trial()
        if error is None:
            memory.close()
        else:
            memory.crashed(error)
        again = Memory(lines.append)
        assert (again.state is None) == is_crash
        again.close()
    (line,) = lines
    assert "ZeroDivisionError: x" in line


def test_a_power_cut_during_the_trial_costs_no_state_unless_it_happens_at_three_starts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    state_path().parent.mkdir(parents=True, exist_ok=True)
    state_path().write_text('{"instrument": "tiny", "sha256": "", "sound": {}}')
    for number in range(4):
        (home / "boot").write_text(f"boot {number}\n")
        monkeypatch.setattr("runtime.live.memory._BOOT", home / "boot")
        memory = Memory(lines.append)
        assert (memory.state is None) == (number == 3)
        if memory.state is not None:
            memory.begin_trial()
        memory._close_file()  # as after a power cut: the file does not say that the trial has ended
    assert "ended within 10 s" in lines[0]


def test_a_state_is_not_restored_after_a_kill_during_the_trial_of_the_same_boot(home: Path) -> None:
    state_path().parent.mkdir(parents=True, exist_ok=True)
    state_path().write_text('{"instrument": "tiny", "sha256": "", "sound": {}}')
    memory = Memory(print)
    memory.begin_trial()
    memory._close_file()
    assert Memory(print).state is None


def test_a_second_play_neither_uses_nor_keeps_a_state(start: Start, home: Path) -> None:
    with start("--instrument", TINY) as first:
        move(home, **MOVED)
        with start("--instrument", "strings") as second:
            time.sleep(2.5)
            assert second.stop() == 0
        assert read_state().instrument == str(TINY)
        first.stop()


def test_a_folder_that_cannot_be_written_is_one_line(start: Start, home: Path) -> None:
    (home / "state").write_text("no folder")
    with start("--instrument", TINY) as program:
        assert len([line for line in program.lines if "Nothing is remembered" in line]) == 1
        assert program.stop() == 0
        assert program.errors == ""
