"""The real program tells a user without a screen what happens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from runtime.acoustics.pitch import note_to_hz
from runtime.live.signs.cues import CHIME, NOTES
from tests.support.notices import Notices
from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, SAMPLE_RATE_HZ, JackServer, Keyboard, LiveProgram, Player, wait_until

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


def has_chimed(sound: np.ndarray) -> bool:
    """Whether the chime's final note sounds; the cue for waiting does not contain that note's frequency."""
    spectrum = np.abs(np.fft.rfft(sound[:, 0]))
    frequency_hz = np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE_HZ)
    last_hz = note_to_hz(NOTES[CHIME][-1][1])
    return bool(spectrum[np.abs(frequency_hz - last_hz) < 5.0].max() > 0.001 * len(sound))


def test_the_service_greets_a_keyboard_and_says_what_it_waits_for(on_rig: JackServer, tmp_path: Path) -> None:
    with Notices() as systemd:
        program = LiveProgram(["--config", settings(tmp_path), "--instrument", TINY], on_rig.env | systemd.env)
        with program, Player(on_rig, "", ("PortAudio:out_0",)) as ears:
            program.wait_for("No MIDI input named 'keys' yet")
            wait_until(lambda: "No MIDI input yet" in systemd.status, "the status", lambda: systemd.told)
            keyboard = Keyboard("keys")
            wait_until(lambda: has_chimed(ears.record(1.0)), "the chime", lambda: program.lines)
            wait_until(lambda: not ears.record(0.3).any(), "silence", lambda: program.lines)
            wait_until(lambda: "MIDI: keys:out" in systemd.status, "the status", lambda: systemd.told)
            keyboard.unplug()
            program.wait_for("MIDI input gone")
            keyboard = Keyboard("keys")  # this keyboard was greeted before, so no chime sounds
            assert np.abs(ears.record(1.5)).max() == 0.0
            assert program.stop() == 0
        assert program.errors == ""
        keyboard.unplug()
