"""The real program on a real audio server."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from runtime.acoustics.pitch import hz_to_note
from tests.support.places import ROOT
from tests.support.rig import (
    PERIOD_FRAMES,
    PLAYED_S,
    SAMPLE_RATE_HZ,
    JackServer,
    Keyboard,
    LiveProgram,
    Player,
    wait_until,
)
from tests.support.rig_stalls import MachineStalls

pytestmark = pytest.mark.rig

TINY = ROOT / "tests" / "data" / "tiny.onnx"
OUTPUTS = ("PortAudio:out_0", "PortAudio:out_1")
PITCH_S = 0.5  # long enough to measure the pitch of steady sound


@pytest.fixture
def start(jack_server: JackServer, tmp_path: Path) -> Callable[..., LiveProgram]:
    """Returns a function that starts the program on a JACK server.

    Its `options` go to the command line, its `inputs` to the MIDI settings, and its `audio` to the audio settings.
    """

    def start(
        *options: object, server: JackServer = jack_server, inputs: Sequence[str] = (), **audio: object
    ) -> LiveProgram:
        config = {
            "audio": {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES} | audio,
            "midi": {"api": "UNIX_JACK", "virtual_port": "in", "inputs": list(inputs)},
            "phase_blend": 1.0,
        }
        path = tmp_path / "rig.yaml"
        path.write_text(yaml.safe_dump(config))
        return LiveProgram(["--config", path, "--instrument", TINY, *options], server.env)

    return start


def played_hz(sound: np.ndarray) -> float:
    """The frequency in Hz of the first port's strongest partial.

    It is the mean of the frequencies within 40 Hz of the strongest bin, weighted by power.
    """
    power = np.square(np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound)), 2 * len(sound))))
    frequency_hz = np.fft.rfftfreq(2 * len(sound), 1.0 / SAMPLE_RATE_HZ)
    near = np.abs(frequency_hz - frequency_hz[np.argmax(power)]) < 40.0
    return float(np.average(frequency_hz[near], weights=power[near]))


def brightness(sound: np.ndarray) -> float:
    """The share of the first port's power that is above 2 kHz."""
    power = np.square(np.abs(np.fft.rfft(sound[:, 0])))
    return float(power[np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE_HZ) > 2000.0].sum() / power.sum())


def counts(program: LiveProgram) -> dict[str, int]:
    """The numbers in the program's final line by their names: blocks, underruns, late blocks, notes and others."""
    return {name: int(number) for number, name in re.findall(r"(\d+) ([a-z ]+)", program.wait_for("Stopped"))}


def test_the_program_is_played_by_midi(jack_server: JackServer, start: Callable[..., LiveProgram]) -> None:
    with start() as program, Player(jack_server, "timbrebox:in", OUTPUTS) as player:
        assert f"{SAMPLE_RATE_HZ} Hz, {PERIOD_FRAMES} frames" in program.wait_for("READY")
        assert np.abs(player.record(0.2)).max() == 0.0
        for note in (57, 69, 76):
            player.send([0x90, note, 100])
            player.record(0.3)
            assert abs(hz_to_note(played_hz(player.record(PITCH_S))) - note) < 0.2
            player.send([0x80, note, 0])
            player.record(0.6)
        assert np.abs(player.record(0.2)).max() < 1e-4

        player.send([0xB0, 71, 0], [0x90, 60, 100])
        player.record(0.3)
        dull = brightness(player.record(1.0))
        player.send([0xB0, 71, 127])
        player.record(0.3)
        assert brightness(player.record(1.0)) > 3.0 * dull
        assert program.stop() == 0
        assert counts(program)["notes"] == 4
        assert program.errors == ""


def test_a_key_that_is_released_at_once_is_heard(jack_server: JackServer, start: Callable[..., LiveProgram]) -> None:
    with start() as program, Player(jack_server, "timbrebox:in", OUTPUTS) as player:
        for note in range(60, 65):
            player.send([0x90, note, 100], [0x80, note, 0])
            assert np.abs(player.record(0.5)).max() > 0.002
        assert program.stop() == 0


@pytest.mark.parametrize("gap_s", [0.1, 0.5])
def test_a_keyboard_that_is_back_at_once_lets_go_and_is_heard_again(
    on_rig: JackServer, start: Callable[..., LiveProgram], gap_s: float
) -> None:
    def n_openings() -> int:
        return sum("MIDI input: keys:out" in line for line in program.lines)

    keyboard = Keyboard("keys")
    with start(inputs=["keys"]) as program, Player(on_rig, "timbrebox:in", OUTPUTS) as player:
        for n_before, note in enumerate((57, 69, 76)):
            wait_until(lambda n=n_before: n_openings() > n, "the keyboard", lambda: program.lines)
            keyboard.play([0x90, note, 100])
            player.record(0.3)
            assert abs(hz_to_note(played_hz(player.record(PITCH_S))) - note) < 0.2
            keyboard.unplug()
            player.record(gap_s)
            keyboard = Keyboard("keys")
            player.record(1.0)
            assert np.abs(player.record(0.2)).max() < 1e-4
        wait_until(lambda: n_openings() == 4, "the keyboard", lambda: program.lines)
        keyboard.play([0x90, 60, 100])
        player.record(0.3)
        assert np.abs(player.record(0.2)).max() > 0.01
        keyboard.play([0xB0, 123, 0])
        player.record(0.6)
        assert np.abs(player.record(0.2)).max() < 1e-4
        assert program.stop() == 0
        assert counts(program)["notes"] == 4
        assert program.errors == ""
    keyboard.unplug()


def play_eight_voices(jack_server: JackServer, program: LiveProgram) -> dict[str, int]:
    """Hold eight notes for PLAYED_S, then stop the program; returns its counts.

    Every 2 s a knob is turned, and one of the notes is played again.
    """
    with Player(jack_server, "timbrebox:in", OUTPUTS) as player:
        player.send(*([0x90, note, 90] for note in range(48, 80, 4)))
        for step in range(int(PLAYED_S / 2.0)):
            assert np.abs(player.record(2.0)).max() > 0.01
            player.send([0xB0, 70 + step % 2, 10 * step % 128], [0x80, 48 + 4 * (step % 8), 0])
            player.send([0x90, 48 + 4 * (step % 8), 90])
        assert program.stop() == 0
    return counts(program)


def test_eight_voices_have_no_underrun(jack_server: JackServer, start: Callable[..., LiveProgram]) -> None:
    # When the machine stalls a thread of very high priority, it stalls the program, too. So one underrun is allowed for
    # each stall, and one lost period that JACK blames on the program: none on a quiet machine. If there are more, there
    # is a second try. The second try also allows one underrun for each lost period that JACK blames on another client,
    # but at most two.
    for most_elsewhere in (0, 2):
        before = lost_periods(jack_server)
        with start() as program, MachineStalls(PERIOD_FRAMES / SAMPLE_RATE_HZ / 3.0) as machine:
            figures = play_eight_voices(jack_server, program)
        assert figures["blocks"] * PERIOD_FRAMES > PLAYED_S * SAMPLE_RATE_HZ
        own, elsewhere = lost_periods(jack_server) - before
        if own <= len(machine.stalls) and figures["underruns"] <= len(machine.stalls) + min(elsewhere, most_elsewhere):
            return
    pytest.fail(f"{figures}; JACK blames the program for {own}, others for {elsewhere}; stalls: {len(machine.stalls)}")


def lost_periods(jack_server: JackServer) -> np.ndarray:
    """The number of periods that the program's clients lost, and the number that other clients lost: int (2,).

    If `PortAudio` had not begun when the period ended, the other clients lost it.
    """
    own = [jack_server.n_unfinished(client, "Running") for client in ("PortAudio", "timbrebox")]
    elsewhere = jack_server.n_unfinished("player", "Running"), jack_server.n_unfinished("PortAudio", "Triggered")
    return np.array([sum(own), sum(elsewhere)])


def test_a_rate_that_the_device_refuses_falls_back(jack_server: JackServer, start: Callable[..., LiveProgram]) -> None:
    with start(sample_rate_hz=48000) as program, Player(jack_server, "timbrebox:in", OUTPUTS) as player:
        assert f"{SAMPLE_RATE_HZ} Hz" in program.wait_for("READY")
        player.send([0x90, 69, 100])
        player.record(0.3)
        assert abs(hz_to_note(played_hz(player.record(PITCH_S))) - 69) < 0.2
        assert program.stop(signal.SIGINT) == 0


def test_without_a_device_the_engine_still_plays(jack_server: JackServer, start: Callable[..., LiveProgram]) -> None:
    with start("--audio", "null", host_api=None) as program, Player(jack_server, "timbrebox:in", ()) as player:
        player.send([0x90, 60, 100], [0x80, 60, 0])
        player.record(0.5)
        assert program.stop() == 0
        assert counts(program)["notes"] == 1
        assert counts(program)["blocks"] > 10
        assert counts(program)["of them because the machine stalled"] <= counts(program)["late blocks"]


def assert_refused(program: LiveProgram, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        program.__enter__()
    assert program.wait() == 2
    assert program.errors.count("\n") == 1


def test_a_missing_device_is_named_in_one_line(start: Callable[..., LiveProgram]) -> None:
    assert_refused(start("--audio", "sistem"), "did you mean 'system'")


def test_a_device_that_others_have_taken_is_named_in_one_line(
    tmp_path: Path, start: Callable[..., LiveProgram]
) -> None:
    with JackServer(tmp_path / "full.log", n_ports=5) as full:  # 4 ports are the server's, and `play` needs more than 1
        assert_refused(start(server=full), "close what else is playing through it")


def test_an_audio_server_that_comes_late_is_taken_and_played(tmp_path: Path, start: Callable[..., LiveProgram]) -> None:
    late = JackServer(tmp_path / "jackd.log")
    with start(server=late, device=None) as program:
        assert "audio: null, MIDI: none yet" in program.wait_for("READY")
        assert program.wait_for("No sound yet")
        assert program.wait_for("No MIDI yet")
        with late:
            program.wait_for("Sound card: ")
            program.wait_for("MIDI input: timbrebox:in")
            with Player(late, "timbrebox:in", OUTPUTS) as player:
                player.send([0x90, 69, 100])
                player.record(0.3)
                assert abs(hz_to_note(played_hz(player.record(PITCH_S))) - 69) < 0.2
            assert program.stop() == 0


def test_a_killed_audio_server_ends_the_program_so_that_it_can_be_restarted(
    tmp_path: Path, start: Callable[..., LiveProgram]
) -> None:
    with JackServer(tmp_path / "jackd.log") as server, start(server=server) as program:
        server.kill()
        assert program.wait() == 1
        assert "the audio driver hangs" in program.errors
