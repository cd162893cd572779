"""The README's commands work, from plugging in a device to saving a sound."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.house.test_readme import commands_of, player_section
from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, JackServer, Keyboard, LiveProgram, home_of_its_own

pytestmark = pytest.mark.rig


class Player:
    """Types the README's lines, and moves a control when a line asks for it."""

    def __init__(self, home: Path, env: dict[str, str]):
        self._env = env | home_of_its_own(home)
        self.keyboard = Keyboard("nanoKONTROL2")
        self._control = 101  # `_move` begins with the next control, 102; this device's map uses none from 102 on

    def type(self, line: str) -> str:
        """Run a line of the README; returns the printed text."""
        words = shlex.split(line)
        assert words[0] == "./timbrebox"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        command = [sys.executable, "-m", "runtime", *words[1:]]
        with subprocess.Popen(command, cwd=ROOT, env=self._env, **pipes) as process:
            printed = ""
            if "--target" in words:
                printed = process.stdout.readline()
                self._move(is_button=printed.startswith("Press"))
            printed += process.stdout.read()
        assert process.returncode == 0, printed
        return printed

    def _move(self, is_button: bool) -> None:
        self._control += 1
        for value in (127, 0) if is_button else range(127, 30, -4):
            self.keyboard.play([0xB0, self._control, value])
            time.sleep(0.02)


def test_a_new_user_learns_a_knob_and_saves_a_sound(on_rig: JackServer, tmp_path: Path) -> None:
    config = {
        "audio": {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES},
        "midi": {"api": "UNIX_JACK", "inputs": ["nanoKONTROL2"]},
    }
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(config))
    first, *lines = commands_of(player_section())
    assert first == "./timbrebox play"
    player, sounds = Player(tmp_path, dict(os.environ)), tmp_path / "data" / "timbrebox" / "sounds"
    with LiveProgram(["--config", tmp_path / "rig.yaml"], on_rig.env, tmp_path) as program:
        program.wait_for("Korg nanoKONTROL2 map")
        said = {line: player.type(line) for line in lines}
        assert program.stop() == 0
    assert "now moves filter.cutoff" in said["./timbrebox learn --target filter.cutoff"]
    for action in ("next_sound", "next_instrument", "record"):
        assert f"now starts {action}" in said[f"./timbrebox learn --target {action}"]
    assert sorted(path.name for path in sounds.glob("*.yaml")) == ["Dark rain.yaml", "Glass rain.yaml"]
    saved = yaml.safe_load((sounds / "Glass rain.yaml").read_text())
    assert saved["filter"]["cutoff_hz"] < 1000
    assert "Glass rain  (user, bank 1, program 0" in said["./timbrebox presets list"]
    with LiveProgram(["--config", tmp_path / "rig.yaml"], on_rig.env, tmp_path) as program:
        program.wait_for("The last sound is back")
        program.wait_for("Korg nanoKONTROL2 map and 4 learned controls")
        standing = next(line for line in player.type("./timbrebox learn --list").splitlines() if "cutoff" in line)
        assert f" {int(saved['filter']['cutoff_hz'])}." in standing
        assert program.stop() == 0
    player.keyboard.unplug()
