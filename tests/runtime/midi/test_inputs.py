"""MIDI keyboards are plugged in and unplugged, and no note hangs."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jack
import pytest

from runtime.config import MidiConfig
from runtime.events import Clock, ControlChange, Event, NoteOff, NoteOn
from runtime.midi import input_port
from runtime.midi.inputs import MidiInputs
from runtime.midi.rtmidi_apis import api_names, list_inputs
from tests.support.rig import JackServer, Keyboard, wait_until


def test_without_a_service_it_says_so_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "timbrebox-none")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    midi = MidiInputs(MidiConfig(api="UNIX_JACK"), lambda event, arrival_s: None)
    first = midi.poll()
    assert len(first) == 1
    assert first[0].startswith("No MIDI yet")
    assert midi.poll() == []
    assert midi.names == []


@pytest.fixture
def received() -> list[tuple[Event, float]]:
    return []


@pytest.fixture
def listening(on_rig: JackServer, received: list[tuple[Event, float]]) -> Iterator[Callable[..., MidiInputs]]:
    """A function that opens MIDI inputs on the JACK server; `received` gets each event that arrives, with its time."""
    opened = []

    def listen(**config: object) -> MidiInputs:
        opened.append(MidiInputs(MidiConfig(api="UNIX_JACK", **config), lambda *heard: received.append(heard)))
        return opened[-1]

    yield listen
    for midi in opened:
        midi.close()


@pytest.mark.rig
def test_a_keyboard_plugged_in_later_plays_and_one_pulled_out_lets_go(
    listening: Callable[..., MidiInputs], received: list[tuple[Event, float]]
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
        wait_until(lambda: len(received) == 5, "the keys", lambda: received)
        assert (received[0][0], received[4][0]) == (NoteOn(0, 60, 100), Clock())
        assert all(before_s < arrival_s < time.perf_counter() for _, arrival_s in received)
        keyboard.unplug()
        assert midi.poll()[0] == "MIDI input gone: keys:out; its notes are released."
        assert {event for event, _ in received[5:]} == {NoteOff(0, 64, 0), ControlChange(0, 64, 0)}


@pytest.mark.rig
def test_a_keyboard_that_is_back_before_anyone_looked_lets_go_and_plays_again(
    listening: Callable[..., MidiInputs], received: list[tuple[Event, float]]
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


@pytest.mark.rig
def test_a_keyboard_that_comes_back_needs_no_new_client(
    listening: Callable[..., MidiInputs], received: list[tuple[Event, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    open_client = input_port.open_client
    monkeypatch.setattr(input_port, "open_client", lambda api: made.append(open_client(api)) or made[-1])
    midi = listening()
    for _ in range(3):
        received.clear()
        keyboard = Keyboard("keys")
        assert polled(midi, 1)[-1] == "MIDI input: keys:out"
        keyboard.play([0x90, 60, 100])
        wait_until(lambda: received, "the key")
        keyboard.unplug()
        assert polled(midi, 1)[0] == "MIDI input gone: keys:out; its notes are released."
    assert len(made) == 1


@pytest.mark.rig
def test_a_port_is_closed_a_little_after_its_keyboard_has_gone_or_when_it_is_needed_again(
    listening: Callable[..., MidiInputs], received: list[tuple[Event, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, close = [], input_port.InputPort.close
    monkeypatch.setattr(input_port.InputPort, "close", lambda port: closed.append(port) or close(port))
    midi = listening()
    for n_closed, waits in enumerate((False, True)):
        keyboard = Keyboard("keys")
        assert polled(midi, 1)[-1] == "MIDI input: keys:out"
        assert len(closed) == n_closed
        keyboard.play([0x90, 60, 100])
        wait_until(lambda: received, "the key")
        keyboard.unplug()
        assert "gone" in polled(midi, 1)[0]
        assert len(closed) == n_closed
        assert 0.0 < midi.retry_s <= 0.3
        if waits:
            time.sleep(midi.retry_s)
            midi.poll()
            assert len(closed) == 2
            assert midi.retry_s > 10.0


@pytest.mark.rig
def test_a_keyboard_unplugged_in_the_middle_of_a_message_plays_when_it_is_plugged_in_twice(
    listening: Callable[..., MidiInputs], received: list[tuple[Event, float]]
) -> None:
    midi = listening()
    for message in ([0xF0, 0x7E, 0x7F], [0x90, 62, 100], [0x90, 64, 100]):  # the first is SysEx without its end
        keyboard = Keyboard("keys")
        assert polled(midi, 1)[-1] == "MIDI input: keys:out"
        if message[0] == 0xF0:
            keyboard.play([0x90, 60, 100])
            wait_until(lambda: received, "the key")
        keyboard.play(message)
        if message[1] == 64:
            wait_until(lambda: NoteOn(0, 64, 100) in [event for event, _ in received], "the key", lambda: received)
        keyboard.unplug()
        assert polled(midi, 1)[0] == "MIDI input gone: keys:out; its notes are released."


@pytest.mark.rig
def test_messages_map_no_memory(on_rig: JackServer) -> None:
    faults: list[int] = []
    midi = MidiInputs(
        MidiConfig(api="UNIX_JACK"), lambda *_: faults.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt)
    )
    for _ in range(2):  # the second time, the keyboard is plugged in again
        faults.clear()
        keyboard = Keyboard("keys")
        wait_until(lambda: midi.poll() and midi.names, "the port")
        for number in range(100):
            keyboard.play([0xB0, 1, number])
        wait_until(lambda: len(faults) == 100, "the messages", lambda: len(faults))
        assert faults[-1] - faults[50] < 25  # newly mapped memory would cause page faults
        keyboard.unplug()
        wait_until(lambda: midi.poll() and not midi.names, "the port's end")
    midi.close()


def polled(midi: MidiInputs, n_lines: int) -> list[str]:
    lines: list[str] = []
    wait_until(lambda: lines.extend(midi.poll()) or len(lines) >= n_lines, f"{n_lines} lines", lambda: lines)
    return lines


@pytest.mark.rig
def test_a_port_that_nobody_may_connect_to_yet_is_opened_once_they_may(
    listening: Callable[..., MidiInputs], received: list[tuple[Event, float]]
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
        midi = MidiInputs(MidiConfig(api="UNIX_JACK"), lambda event, _: received.append(event))
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
    listening: Callable[..., MidiInputs], received: list[tuple[Event, float]]
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
def test_a_named_input_that_is_not_there_is_waited_for(listening: Callable[..., MidiInputs]) -> None:
    keys = Keyboard("keys")
    midi = listening(inputs=("kexs",))
    (line,) = midi.poll()
    assert "'kexs'" in line
    assert "keys:out" in line
    later = Keyboard("kexs")
    assert midi.poll() == ["MIDI input: kexs:out"]
    keys.unplug()
    later.unplug()


@pytest.mark.rig
def test_events_carry_their_device_and_velocities_follow_its_curve(
    on_rig: JackServer, received: list[tuple[Event, float]]
) -> None:
    came: list[tuple[int, str]] = []
    heard = lambda *each: received.append(each)  # noqa: E731
    config = MidiConfig(api="UNIX_JACK", inputs=("keys", "pads"))
    midi = MidiInputs(config, heard, lambda device, identity: came.append((device, identity.port)))
    keyboard = Keyboard("keys")
    polled(midi, 1)
    pads = Keyboard("pads")
    polled(midi, 1)
    assert came == [(0, "keys:out"), (1, "pads:out")]
    midi.set_velocities(1, bytes([0, *[77] * 127]))
    for _ in range(2):
        received.clear()
        for player in (keyboard, pads):
            player.play([0x90, 60, 100])
            player.play([0x90, 60, 0])
        wait_until(lambda: len(received) == 4, "the keys", lambda: received)
        events = {event for event, _ in received}
        assert events == {
            NoteOn(0, 60, 100, 0),
            NoteOff(0, 60, 0, 0),
            NoteOn(0, 60, 77, 1),
            NoteOff(0, 60, 0, 1),
        }
        pads.play([0x90, 64, 100])
        wait_until(lambda: len(received) == 5, "the key", lambda: received)
        pads.unplug()  # when plugged in again, they must have the same device number and velocity curve
        polled(midi, 1)
        assert received[-1][0] == NoteOff(0, 64, 0, 1)
        pads = Keyboard("pads")
        polled(midi, 1)
    assert set(came[2:]) == {(1, "pads:out")}
    midi.close()
    keyboard.unplug()
    pads.unplug()
