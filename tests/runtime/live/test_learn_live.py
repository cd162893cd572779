"""A player teaches the real program a control, and the program remembers it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from runtime.base.errors import UserError
from runtime.link.client import Link
from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, JackServer, Keyboard, LiveProgram, Player, home_of_its_own, wait_until

pytestmark = pytest.mark.rig

TINY = ROOT / "tests" / "data" / "tiny.onnx"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def start(on_rig: JackServer, tmp_path: Path, home: Path) -> Callable[..., LiveProgram]:
    """A function that starts the program; each start has the same folder for the user's files."""
    config = {
        "audio": {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES},
        "midi": {"api": "UNIX_JACK", "inputs": ["keys"]},
    }
    path = tmp_path / "rig.yaml"
    path.write_text(yaml.safe_dump(config))
    return lambda *options: LiveProgram(["--config", path, "--instrument", TINY, *options], on_rig.env, home)


class Learn:
    """`timbrebox learn` in another process.

    home: the folder of the user's files.
    """

    def __init__(self, home: Path, *options: object):
        command = [sys.executable, "-m", "runtime", "learn", *map(str, options)]
        env = os.environ | home_of_its_own(home)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, **pipes)

    def first_line(self) -> str:
        return self.process.stdout.readline()

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def position(home: Path, target: str) -> str:
    status, out, err = Learn(home, "--list").end()
    assert status == 0, err
    return next(line for line in out.splitlines() if line.split()[0] == target)


def test_a_control_is_learned_heard_and_remembered(start: Callable[..., LiveProgram], home: Path) -> None:
    keyboard = Keyboard("keys")
    with start() as program:
        program.wait_for("MIDI input: keys:out")
        learn = Learn(home, "--target", "phase_blend")
        assert learn.first_line().startswith("Move the control for phase_blend now")
        for value in range(0, 100, 9):
            keyboard.play([0xB0, 21, value])
            time.sleep(0.01)
        status, out, err = learn.end()
        assert (status, err) == (0, "")
        assert "keys:out, channel 1: cc 21 = 99" in out
        assert out.splitlines()[-1] == "cc 21 of keys:out now moves phase_blend."
        keyboard.play([0xB0, 21, 127])
        wait_until(lambda: "1 " in position(home, "phase_blend")[12:30], "the move", lambda: program.lines)
        assert "cc 21 (keys:out, learned)" in position(home, "phase_blend")
        learn = Learn(home, "--target", "panic")
        assert learn.first_line() == "Press the control for panic now, within 10 s.\n"
        for value in (127, 0):
            keyboard.play([0xB0, 30, value])
            time.sleep(0.05)
        assert learn.end()[1].splitlines()[-1] == "cc 30 of keys:out now starts panic."
        assert Learn(home, "--unlearn", "panic").end()[0] == 0
        assert program.stop() == 0
    kept = yaml.safe_load(next(home.rglob("maps/*.yaml")).read_text())
    assert kept["lines"] == [{"control": "cc 21", "target": "phase_blend"}]

    with start() as program:  # the second start reads what was saved before
        program.wait_for("keys:out: the default map and 1 learned control.")
        keyboard.play([0xB0, 21, 127])
        wait_until(lambda: "1 " in position(home, "phase_blend")[12:30], "the move", lambda: program.lines)
        keyboard.unplug()  # the learned control must survive this
        program.wait_for("MIDI input gone: keys:out")
        keyboard = Keyboard("keys")
        wait_until(lambda: sum("MIDI input: keys" in line for line in program.lines) == 2, "the keyboard")
        keyboard.play([0xB0, 21, 0])
        wait_until(lambda: " 0 " in position(home, "phase_blend"), "the move", lambda: program.lines)
        assert Learn(home, "--unlearn", "phase_blend").end()[:2] == (0, "Forgotten: cc 21 of keys:out.\n")
        keyboard.play([0xB0, 21, 127])
        time.sleep(0.3)
        assert " 0 " in position(home, "phase_blend")
        assert Learn(home, "--unlearn-all").end()[:2] == (0, "Nothing was learned.\n")
        assert program.stop() == 0
    keyboard.unplug()


def test_a_held_control_teaches_without_a_screen_and_says_yes(start: Callable[..., LiveProgram], home: Path) -> None:
    keyboard = Keyboard("keys")
    with start() as program, Link(home / "run" / "timbrebox" / "control") as link:
        program.wait_for("MIDI input: keys:out")
        with pytest.raises(UserError, match="no control moved yet"):
            link.ask("action", name="learn")
        keyboard.play([0xB0, 3, 10])  # moves phase_blend; `learn` concerns the target that moved last
        wait_until(lambda: "0.079" in position(home, "phase_blend"), "the move", lambda: program.lines)
        link.ask("action", name="learn")
        program.wait_for("learn: move the control for phase_blend.")
        for value in range(0, 100, 9):
            keyboard.play([0xB0, 21, value])
        program.wait_for("learn: cc 21 of keys:out now moves phase_blend.")
        wait_until(lambda: "cc 21" in position(home, "phase_blend"), "the map")
        assert program.stop() == 0
    keyboard.unplug()


def test_a_learned_knob_has_its_target_at_once_and_undo_brings_back_the_knob_before(
    start: Callable[..., LiveProgram], home: Path
) -> None:
    keyboard = Keyboard("keys")
    with start() as program, Link(home / "run" / "timbrebox" / "control") as link:
        program.wait_for("MIDI input: keys:out")
        for knob in (21, 22):
            stood = link.ask("state")["positions"]["phase_blend"]
            link.ask("learn", target="phase_blend", timeout_s=10)
            for value in range(0, knob + 50, 7):
                keyboard.play([0xB0, knob, value])
            program.wait_for(f"learn: cc {knob} of keys:out now moves phase_blend.")
            stands = value / 127.0
            wait_until(lambda at=stands: abs(link.ask("state")["positions"]["phase_blend"] - at) < 1e-3, "the move")
        assert "cc 22 (keys:out, learned)" in position(home, "phase_blend")
        link.ask("learn", target="width", timeout_s=10)  # `learn.undo` must not undo this request
        assert link.ask("learn.undo") == {"learned": 1}
        assert "cc 21 (keys:out, learned)" in position(home, "phase_blend")
        wait_until(lambda: abs(link.ask("state")["positions"]["phase_blend"] - stood) < 1e-3, "the value before")
        with pytest.raises(UserError, match="nothing learned"):
            link.ask("learn.undo")
        link.ask("unlearn", target="phase_blend")
        assert "learned" not in position(home, "phase_blend")
        assert link.ask("learn.undo") == {"learned": 1}  # what was forgotten is known again
        assert "cc 21 (keys:out, learned)" in position(home, "phase_blend")
        assert program.stop() == 0
    keyboard.unplug()


def test_the_audible_yes_is_heard_when_the_sound_is_silent(
    on_rig: JackServer, start: Callable[..., LiveProgram], home: Path, tmp_path: Path
) -> None:
    sound = tmp_path / "silent.yaml"
    sound.write_text("{sound_version: 1, filter: {type: low, cutoff_hz: 30, slope_db_per_octave: 48}}")
    keyboard = Keyboard("keys")
    with start("--sound", sound) as program, Link(home / "run" / "timbrebox" / "control") as link:
        program.wait_for("MIDI input: keys:out")
        with Player(on_rig, "", ("PortAudio:out_0",)) as ears:
            keyboard.play([0xB0, 7, 0])
            keyboard.play([0x90, 84, 127])
            assert np.abs(ears.record(1.0)).max() < 1e-3
            keyboard.play([0x80, 84, 0])
            link.ask("learn", target="phase_blend", timeout_s=10)
            sweep = threading.Timer(0.3, lambda: [keyboard.play([0xB0, 21, value]) for value in range(0, 100, 9)])
            sweep.start()
            assert np.abs(ears.record(4.0)).max() > 0.05
            assert np.abs(ears.record(0.3)).max() < 1e-3
            save = threading.Timer(0.3, lambda: link.ask("action", name="save"))
            save.start()
            assert np.abs(ears.record(4.0)).max() > 0.05
            save.join()
            program.wait_for("Saved as Sound 1.")
        assert program.stop() == 0
        assert " 1 notes" in program.wait_for("Stopped")  # the cue `yes` does not count as a note
    keyboard.unplug()


def test_a_companion_that_dies_is_asked_again(start: Callable[..., LiveProgram], home: Path) -> None:
    keyboard = Keyboard("keys")
    with start() as program, Link(home / "run" / "timbrebox" / "control") as link:
        program.wait_for("MIDI input: keys:out")
        children = Path(f"/proc/{program.process_id}/task/{program.process_id}/children").read_text().split()
        link.ask("watch", topics=["change"])
        for child in children:
            os.kill(int(child), signal.SIGSTOP)  # so it cannot answer before it is killed
        link.ask("learn", target="phase_blend", timeout_s=10)
        for value in range(0, 100, 9):
            keyboard.play([0xB0, 21, value])
        program.wait_for("learn: cc 21 of keys:out now moves phase_blend.")
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        assert any(topic == "change" and "map" in news for topic, news in link.news(20.0))
        assert program.stop() == 0
    assert "cc 21" in next(home.rglob("maps/*.yaml")).read_text()
    keyboard.unplug()


def test_monitor_shows_what_arrives(start: Callable[..., LiveProgram], home: Path) -> None:
    keyboard = Keyboard("keys")
    with start() as program:
        program.wait_for("MIDI input: keys:out")
        monitor = Learn(home, "--monitor")
        time.sleep(2.0)
        for message in ([0x90, 60, 100], [0x80, 60, 0], [0xE1, 0, 64], [0xC0, 3], [0xD0, 9], [0xA0, 60, 7]):
            keyboard.play(message)
        lines = [monitor.first_line() for _ in range(6)]
        assert lines == [
            "  keys:out, channel 1: note 60 on, velocity 100\n",
            "  keys:out, channel 1: note 60 off, velocity 0\n",
            "  keys:out, channel 2: pitch_wheel = 0\n",
            "  keys:out, channel 1: program = 3\n",
            "  keys:out, channel 1: pressure = 9\n",
            "  keys:out, channel 1: poly_pressure = 7\n",
        ]
        monitor.process.send_signal(signal.SIGINT)
        assert monitor.end()[0] == 130
        assert program.stop() == 0
    keyboard.unplug()


def test_a_pedal_that_has_learned_to_teach(start: Callable[..., LiveProgram], home: Path) -> None:
    keyboard = Keyboard("keys")
    with start() as program:
        program.wait_for("MIDI input: keys:out")
        teach = Learn(home, "--target", "learn")
        teach.first_line()
        for value in (127, 0):
            keyboard.play([0xB0, 66, value])
        assert "Before, it moved the sostenuto pedal." in teach.end()[1]
        keyboard.play([0xB0, 3, 10])  # moves phase_blend; `learn` concerns the target that moved last
        wait_until(lambda: "0.079" in position(home, "phase_blend"), "the move", lambda: program.lines)
        keyboard.play([0xB0, 66, 127])
        program.wait_for("learn: move the control for phase_blend.")
        for value in range(0, 100, 9):
            keyboard.play([0xB0, 21, value])
        program.wait_for("learn: cc 21 of keys:out now moves phase_blend.")
        keyboard.play([0xB0, 66, 0])
        assert program.stop() == 0
    keyboard.unplug()


def test_each_of_two_keyboards_learns_for_itself(on_rig: JackServer, tmp_path: Path, home: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text("midi: {api: UNIX_JACK, inputs: [keys, pads]}\naudio: {host_api: JACK, device: system}")
    keyboard, pads = Keyboard("keys"), Keyboard("pads")
    with LiveProgram(["--config", path, "--instrument", TINY], on_rig.env, home) as program:
        program.wait_for("MIDI input: keys:out")
        program.wait_for("MIDI input: pads:out")
        for player, target in ((keyboard, "phase_blend"), (pads, "latent.1")):
            learn = Learn(home, "--target", target)
            learn.first_line()
            for value in range(0, 100, 9):
                player.play([0xB0, 21, value])
            assert learn.end()[0] == 0
        pads.play([0xB0, 21, 0])
        keyboard.play([0xB0, 21, 127])
        wait_until(lambda: " 1 " in position(home, "phase_blend"), "the move", lambda: program.lines)
        targets = Learn(home, "--list").end()[1]
        assert "cc 21 (pads:out, learned)" in targets
        assert "cc 21 (keys:out, learned)" in position(home, "phase_blend")
        assert "pads" not in position(home, "phase_blend").replace("pads:out)", "").split("cc 3")[0]
        assert program.stop() == 0
    assert len(list(home.rglob("maps/*.yaml"))) == 2
    keyboard.unplug()
    pads.unplug()


def test_a_map_that_cannot_be_used_is_one_line_and_the_rest_plays(
    start: Callable[..., LiveProgram], home: Path
) -> None:
    maps = home / "data" / "timbrebox" / "maps"
    maps.mkdir(parents=True)
    (maps / "keys%3Aout.yaml").write_text("lines: [{control: cc 21, target: wdth}]")
    keyboard = Keyboard("keys")
    with start() as program:
        assert "did you mean 'width'?" in program.wait_for("keys%3Aout.yaml")
        keyboard.play([0xB0, 3, 127])
        wait_until(lambda: " 1 " in position(home, "phase_blend"), "the move", lambda: program.lines)
        learn = Learn(home, "--target", "latent.1")
        learn.first_line()
        for value in range(0, 100, 9):
            keyboard.play([0xB0, 21, value])
        status, _, err = learn.end()
        assert (status, err.count("\n")) == (2, 1)
        assert "it works, but is not kept" in err
        assert program.stop() == 0
    assert "wdth" in (maps / "keys%3Aout.yaml").read_text()  # the player's own text is still there
    keyboard.unplug()


def test_settings_that_name_no_map_are_refused_at_the_start(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text("{midi: {map: generik}, audio: {device: 'null'}}")
    command = [sys.executable, "-m", "runtime", "play", "--config", config, "--instrument", TINY]
    env = os.environ | home_of_its_own(home)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "found 'generik'; expected a control map, or a .yaml file; did you mean 'generic'?" in done.stderr


def test_a_learn_that_hears_nothing_ends_in_one_line(start: Callable[..., LiveProgram], home: Path) -> None:
    with start() as program:
        status, _, err = Learn(home, "--target", "phase_blend", "--timeout", "0.5").end()
        assert status == 2
        assert err == (
            "timbrebox: learn: found no control that moved for phase_blend; "
            "expected one within 0.5 s; try again, and move it more\n"
        )
        status, _, err = Learn(home, "--target", "phase_blnd").end()
        assert (status, err.count("\n")) == (2, 1)
        assert "did you mean 'phase_blend'?" in err
        assert program.stop() == 0


def test_without_a_play_learn_says_so(home: Path) -> None:
    status, _, err = Learn(home, "--list").end()
    assert (status, err.count("\n")) == (2, 1)
    assert "found nothing that plays" in err
