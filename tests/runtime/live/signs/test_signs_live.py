"""The real program tells without a screen: the chime when a keyboard comes, the lines in the journal, the status."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support.notices import Notices
from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, JackServer, Keyboard, LiveProgram, Player, wait_until

pytestmark = pytest.mark.rig

TINY = ROOT / "tests" / "data" / "tiny.onnx"


def settings(folder: Path) -> Path:
    config = {
        "audio": {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES},
        "midi": {"api": "UNIX_JACK", "inputs": ["keys"]},
    }
    path = folder / "rig.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_the_service_greets_a_keyboard_and_says_what_it_waits_for(on_rig: JackServer, tmp_path: Path) -> None:
    with Notices() as systemd:
        program = LiveProgram(["--config", settings(tmp_path), "--instrument", TINY], on_rig.env | systemd.env)
        with program, Player(on_rig, "", ("PortAudio:out_0",)) as ears:
            program.wait_for("No MIDI input named 'keys' yet")
            wait_until(lambda: "No MIDI input yet" in systemd.status, "the status", lambda: systemd.told)
            ears.record(2.0)  # the sound of waiting
            assert np.abs(ears.record(0.2)).max() == 0.0
            keyboard = Keyboard("keys")
            assert np.abs(ears.record(2.5)).max() > 0.05
            assert "MIDI: keys:out" in systemd.status
            keyboard.unplug()
            program.wait_for("MIDI input gone")
            keyboard = Keyboard("keys")  # it was greeted before
            assert np.abs(ears.record(1.5)).max() == 0.0
            assert program.stop() == 0
        assert program.errors == ""
        keyboard.unplug()
