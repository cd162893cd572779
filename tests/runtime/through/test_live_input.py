"""`play --through` sends the microphone's sound through the instrument."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from runtime.acoustics.heard_pitch import heard_notes
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.audio.devices import InputDevice, choose_input
from runtime.base.errors import UserError
from tests.support.places import DATA
from tests.support.rig import PERIOD_FRAMES, JackServer, LiveProgram, Player
from tests.support.rig_source import Microphone
from tests.support.tones import tone

OUTPUTS, INPUTS = ("PortAudio:out_0", "PortAudio:out_1"), ("PortAudio:in_0", "PortAudio:in_1")
HEARD_NOTE = 64.4


@pytest.fixture
def start(jack_server: JackServer, tmp_path: Path) -> Callable[..., LiveProgram]:
    def start(*options: object, host_api: str | None = "JACK", device: str | None = "system") -> LiveProgram:
        audio = {"host_api": host_api, "device": device, "buffer_frames": PERIOD_FRAMES}
        path = tmp_path / "rig.yaml"
        path.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
        arguments = ["--config", path, "--instrument", DATA / "tiny.onnx", *options]
        return LiveProgram(arguments, jack_server.env)

    return start


def test_an_input_of_the_outputs_host_api_is_chosen() -> None:
    inputs = [
        InputDevice(0, "USB microphone", "ALSA", 1, 48000, False),
        InputDevice(1, "default", "ALSA", 2, 48000, True),
        InputDevice(2, "system", "JACK", 2, 48000, True),
    ]
    assert choose_input(inputs, "ALSA", None).index == 1
    assert choose_input(inputs, "ALSA", "usb").index == 0
    assert choose_input(inputs, "JACK", None).index == 2
    assert choose_input(inputs, "CoreAudio", None) is None
    with pytest.raises(UserError, match="audio input"):
        choose_input(inputs, "JACK", "usb")


@pytest.mark.rig
def test_what_the_microphone_hears_comes_out_of_the_instrument(
    jack_server: JackServer, start: Callable[..., LiveProgram], tmp_path: Path
) -> None:
    given = tone(HEARD_NOTE, 4.0)
    with (
        start("--through") as program,
        Player(jack_server, "timbrebox:in", OUTPUTS) as player,
    ):
        said = program.wait_for("Through")
        latency_ms = int(re.search(r"heard (\d+) ms later", said)[1])
        assert latency_ms >= 93 + 2 * 1000 * PERIOD_FRAMES // 44100
        assert np.abs(player.record(0.3)).max() == 0.0
        with Microphone(jack_server, given, INPUTS, tmp_path):
            player.record(0.5)
            heard = player.record(1.0)[:, 0]
            notes = heard_notes(magnitude_frames(heard), StftSpec())
            assert abs(float(np.median(notes)) - HEARD_NOTE) < 0.1
            dull = brightness(heard)
            for control in (70, 71):
                player.send([0xB0, control, 127])
            player.record(0.5)
            assert brightness(player.record(1.0)[:, 0]) > 1.5 * dull
            player.send([0x90, 81, 127])
            player.record(0.5)
            assert level_at(player.record(1.0)[:, 0], 880.0) > 10.0 * level_at(heard, 880.0)
        assert program.stop() == 0
        assert program.errors == ""


@pytest.mark.rig
def test_an_input_that_is_not_there_is_said_in_one_line(start: Callable[..., LiveProgram]) -> None:
    missing, alone = ["--through", "--audio-in", "sistem"], ["--audio-in", "system"]
    for options, words in ((missing, "did you mean 'system'"), (alone, "add --through")):
        program = start(*options)
        with pytest.raises(AssertionError, match=words):
            program.__enter__()
        assert program.wait() == 2
        assert program.errors.count("\n") == 1


@pytest.mark.rig
def test_without_any_input_the_notes_are_heard_all_the_same(start: Callable[..., LiveProgram]) -> None:
    with start("--through", host_api=None, device="null") as program:
        assert "only the notes are heard" in program.wait_for("No audio input")
        assert program.stop() == 0


def brightness(sound: np.ndarray) -> float:
    """The power above 1 kHz, divided by the whole power."""
    power = np.square(np.abs(np.fft.rfft(sound)))
    return float(power[np.fft.rfftfreq(len(sound), 1.0 / 44100) > 1000.0].sum() / power.sum())


def level_at(sound: np.ndarray, frequency_hz: float) -> float:
    """Power within 10 Hz of the frequency."""
    power = np.square(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))))
    return float(power[np.abs(np.fft.rfftfreq(len(sound), 1.0 / 44100) - frequency_hz) < 10.0].sum())
