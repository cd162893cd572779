"""`devices` lists the outputs and inputs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from runtime.commands.machine.devices import columns
from tests.support.places import ROOT
from tests.support.rig import JackServer


def devices(env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "runtime", "devices"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


def test_columns_line_up() -> None:
    assert columns([("a", "bb", "c"), ("aaa", "b", "")]) == ["  a    bb  c", "  aaa  b"]


@pytest.mark.rig
def test_the_outputs_and_inputs_of_a_server_are_listed(jack_server: JackServer) -> None:
    listed = devices(jack_server.env)
    assert any(line.split()[-6:] == ["Kit", "system", "2", "44100", "Hz", "default"] for line in listed.splitlines())
    assert "UNIX_JACK: none (nothing is plugged in)" in listed or "MIDI inputs (play" in listed


def test_without_a_server_it_says_so_without_driver_chatter() -> None:
    listed = devices(os.environ | {"JACK_DEFAULT_SERVER": "timbrebox-none", "JACK_NO_START_SERVER": "1"})
    assert "UNIX_JACK: none (" in listed
    assert "Audio outputs" in listed
