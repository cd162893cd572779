"""Keyboards come and go, and no note stays behind."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jack
import pytest

from runtime.base.errors import UserError
from runtime.config import MidiConfig
from runtime.events import ControlChange, Event, NoteOff, NoteOn, PitchWheel, ProgramChange
from runtime.midi.announcements import announced_gone, announcer
from runtime.midi.held import Resting
from runtime.midi.input import MidiInput
from runtime.midi.ports import api_names, api_number, list_inputs, stable_name, wanted_ports
from tests.support.rig import JackServer, Keyboard, wait_until

PORTS = ["Midi Through:Midi Through Port-0 14:0", "Keystation 49:Keystation 49 MIDI 1 20:0", "nanoKONTROL2 24:0"]


def test_a_ports_name_survives_a_reboot() -> None:
    assert [stable_name(port) for port in PORTS][1:] == ["Keystation 49:Keystation 49 MIDI 1", "nanoKONTROL2"]
    assert stable_name("a2j:Keystation 49 (playback)") == "a2j:Keystation 49 (playback)"


@pytest.mark.parametrize(
    ("inputs", "wanted"),
    [
        ((), PORTS[1:]),
        (("keystation",), PORTS[1:2]),
        (("through", "NANO"), [PORTS[0], PORTS[2]]),
        (("24:0",), []),
    ],
)
def test_all_keyboards_are_wanted_or_those_named(inputs: tuple[str, ...], wanted: list[str]) -> None:
    assert wanted_ports([*PORTS, "timbrebox:in"][: 4 if not inputs else 3], inputs) == wanted


def test_what_a_port_holds_is_brought_to_rest() -> None:
    resting = Resting()
    for event in (
        NoteOn(0, 60, 100),
        NoteOn(0, 64, 100),
        NoteOff(0, 60, 0),
        NoteOn(1, 60, 1),
        ControlChange(0, 64, 127),
        ControlChange(1, 64, 127),
        ControlChange(1, 64, 0),
        ControlChange(0, 74, 99),
        PitchWheel(2, 8191),
        ProgramChange(0, 5),
    ):
        resting.note(event)
    assert set(resting.events()) == {
        NoteOff(0, 64, 0), NoteOff(1, 60, 0), ControlChange(0, 64, 0), PitchWheel(2, 0),
    }  # fmt: skip


def test_an_api_is_found_by_midos_name_and_a_wrong_one_is_the_users_error() -> None:
    known = api_names()
    assert api_number("mido.backends.rtmidi/UNIX_JACK") == api_number("UNIX_JACK") == known["UNIX_JACK"]
    assert api_number(None) in known.values()
    with pytest.raises(UserError, match="did you mean 'UNIX_JACK'"):
        api_number("UNIX_JAKC")


def test_without_a_service_it_says_so_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "timbrebox-none")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    midi = MidiInput(MidiConfig(api="UNIX_JACK"), lambda event, arrival_s: None)
    first = midi.poll()
    assert len(first) == 1
    assert first[0].startswith("No MIDI yet")
    assert midi.poll() == []
    assert midi.names == []


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA is Linux's")
def test_alsas_announcements_name_the_ports_that_went() -> None:
    from alsa_midi import ClientExitEvent, PortExitEvent, PortStartEvent, PortSubscribedEvent

    twin = "Keystation 49:Keystation 49 MIDI 2 20:1"
    for events, gone in (
        ([PortExitEvent((20, 0))], {PORTS[1]}),
        ([PortExitEvent((20, 0)), PortStartEvent((20, 0))], {PORTS[1]}),
        ([ClientExitEvent((20, 0))], {PORTS[1], twin}),
        ([ClientExitEvent((2, 0)), PortExitEvent((2, 0)), PortExitEvent((0, 20))], set()),
        ([PortStartEvent((24, 0)), PortSubscribedEvent((24, 0), (128, 0))], set()),
        ([], set()),
    ):
        assert announced_gone(events, [*PORTS, twin]) == gone


@pytest.mark.skipif(sys.platform != "linux" or Path("/dev/snd/seq").exists(), reason="needs a missing sequencer")
def test_alsas_announcements_need_a_sequencer(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="No such file"):
        announcer(api_names()["LINUX_ALSA"])()
    assert capfd.readouterr().err == ""


def test_an_api_without_announcements_is_only_polled() -> None:
    import rtmidi

    assert announcer(rtmidi.API_RTMIDI_DUMMY) is None


@pytest.fixture
def received() -> list[tuple[Event, float]]:
    return []


@pytest.fixture
def listening(on_rig: JackServer, received: list[tuple[Event, float]]) -> Iterator[Callable[..., MidiInput]]:
    """Makes inputs on the rig that put what they hear in `received`, and closes them."""
    opened = []

    def listen(**config: object) -> MidiInput:
        opened.append(MidiInput(MidiConfig(api="UNIX_JACK", **config), lambda *what: received.append(what)))
        return opened[-1]

    yield listen
    for midi in opened:
        midi.close()


@pytest.mark.rig
def test_a_keyboard_plugged_in_later_plays_and_one_pulled_out_lets_go(
    listening: Callable[..., MidiInput], received: list[tuple[Event, float]]
) -> None:
    midi = listening()
    assert midi.poll() == ["No MIDI input yet: plug a keyboard in, and it plays."]
    for _ in range(2):
        keyboard = Keyboard("keys")
        assert midi.poll() == ["MIDI input: keys:out"]
        assert midi.poll() == []
        assert midi.names == ["keys:out"]
        received.clear()
        before_s = time.perf_counter()
        for message in ([0x90, 60, 100], [0x90, 64, 100], [0x80, 60, 0], [0xB0, 64, 127], [0xF8]):
            keyboard.play(message)
        wait_until(lambda: len(received) == 4, "the keys", lambda: received)
        assert received[0][0] == NoteOn(0, 60, 100)
        assert all(before_s < arrival_s < time.perf_counter() for _, arrival_s in received)
        keyboard.unplug()
        assert midi.poll()[0] == "MIDI input gone: keys:out; its notes are released."
        assert {event for event, _ in received[4:]} == {NoteOff(0, 64, 0), ControlChange(0, 64, 0)}


@pytest.mark.rig
def test_a_keyboard_that_is_back_before_anyone_looked_lets_go_and_plays_again(
    listening: Callable[..., MidiInput], received: list[tuple[Event, float]]
) -> None:
    keyboard = Keyboard("keys")
    midi = listening()
    assert midi.poll() == ["MIDI input: keys:out"]
    for note in (60, 62):
        received.clear()
        keyboard.play([0x90, note, 100])
        wait_until(lambda: received, "the key")
        keyboard.unplug()
        keyboard = Keyboard("keys")
        lines = polled(midi, 2)
        assert lines == ["MIDI input gone: keys:out; its notes are released.", "MIDI input: keys:out"]
        assert [event for event, _ in received] == [NoteOn(0, note, 100), NoteOff(0, note, 0)]
        keyboard.play([0xB0, 123, 0])
        wait_until(lambda: len(received) == 3, "all notes off")
        assert received[2][0] == ControlChange(0, 123, 0)
        assert midi.poll() == []
    keyboard.unplug()


def polled(midi: MidiInput, n_lines: int) -> list[str]:
    """What it says, once it has said that many lines."""
    lines: list[str] = []
    wait_until(lambda: lines.extend(midi.poll()) or len(lines) >= n_lines, f"{n_lines} lines", lambda: lines)
    return lines


@pytest.mark.rig
def test_a_port_that_nobody_may_connect_to_yet_is_opened_once_they_may(
    listening: Callable[..., MidiInput], received: list[tuple[Event, float]]
) -> None:
    pads = jack.Client("pads", no_start_server=True)
    out = pads.midi_outports.register("out")
    pads.set_process_callback(lambda _: (out.clear_buffer(), out.write_midi_event(0, (0x90, 60, 100))))
    midi = listening()
    assert polled(midi, 2)[1] == "MIDI input refused: pads:out (it takes no connection yet); trying again."
    assert 0.0 < midi.retry_s < 2.0
    assert midi.names == []
    assert midi.poll() == []
    pads.activate()
    assert polled(midi, 1) == ["MIDI input: pads:out"]
    assert midi.retry_s == float("inf")
    wait_until(lambda: received, "the pad")
    pads.close()


@pytest.mark.rig
def test_a_server_that_dies_lets_go_and_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[Event] = []
    with JackServer(tmp_path / "jackd.log") as server:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
        monkeypatch.setenv("JACK_NO_START_SERVER", "1")
        keyboard = Keyboard("keys")
        midi = MidiInput(MidiConfig(api="UNIX_JACK"), lambda event, _: received.append(event))
        assert midi.poll() == ["MIDI input: keys:out"]
        keyboard.play([0x90, 60, 100])
        wait_until(lambda: received, "the key")
        server.kill()
        gone, why = polled(midi, 2)
        assert gone == "MIDI input gone: keys:out; its notes are released."
        assert why == "No MIDI yet: the JACK server has gone; looking again."
        assert received == [NoteOn(0, 60, 100), NoteOff(0, 60, 0)]
        keyboard.unplug()
        with server:
            keyboard = Keyboard("keys")
            assert polled(midi, 1)[-1] == "MIDI input: keys:out"
            keyboard.play([0x90, 62, 100])
            wait_until(lambda: len(received) == 3, "the key")
            keyboard.unplug()
            midi.close()


@pytest.mark.rig
def test_only_the_named_input_and_channel_are_heard(
    listening: Callable[..., MidiInput], received: list[tuple[Event, float]]
) -> None:
    pads, keys = Keyboard("pads"), Keyboard("Keys")
    midi = listening(inputs=("keys",), channel=2)
    assert midi.poll() == ["MIDI input: Keys:out"]
    pads.play([0x91, 50, 100])
    keys.play([0x90, 51, 100])
    keys.play([0x91, 52, 100])
    wait_until(lambda: received, "the key")
    assert [event for event, _ in received] == [NoteOn(1, 52, 100)]
    assert set(list_inputs(api_names()["UNIX_JACK"])) == {"pads:out", "Keys:out"}
    pads.unplug()
    keys.unplug()


@pytest.mark.rig
def test_a_named_input_that_is_not_there_is_waited_for(listening: Callable[..., MidiInput]) -> None:
    keys = Keyboard("keys")
    midi = listening(inputs=("kexs",))
    (line,) = midi.poll()
    assert "'kexs'" in line
    assert "keys:out" in line
    later = Keyboard("kexs")
    assert midi.poll() == ["MIDI input: kexs:out"]
    keys.unplug()
    later.unplug()
