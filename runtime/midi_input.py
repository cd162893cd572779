"""MIDI in: every keyboard that is plugged in, now or later, or those named, or a port of our own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import mido

from runtime.errors import did_you_mean
from runtime.events import Aftertouch, ControlChange, Event, NoteOff, NoteOn, PitchWheel, PolyTouch, from_message
from runtime.midi_api import CLIENT_NAME, api_number, driver_errors, open_client, stable_name, wanted_ports
from runtime.quiet import quiet_stderr
from runtime.realtime import MIDI_PRIORITY, promote_thread

if TYPE_CHECKING:
    import rtmidi

    from runtime.config import MidiConfig

_PEDALS = (64, 66, 67)
Post = Callable[[Event, float], None]


class Resting:
    """What one port holds down or has moved: the events that bring it all back to rest, should the port vanish."""

    def __init__(self) -> None:
        self._rest: dict[tuple[object, ...], Event] = {}

    def note(self, event: Event) -> None:
        """Remember what this event leaves to undo."""
        match event:
            case NoteOn(channel=channel, note=note):
                self._rest[NoteOff, channel, note] = NoteOff(channel, note)
            case NoteOff(channel=channel, note=note):
                self._rest.pop((NoteOff, channel, note), None)
            case ControlChange(channel=channel, control=control, value=value) if control in _PEDALS:
                self._set((ControlChange, channel, control), value, ControlChange(channel, control, 0))
            case PitchWheel(channel=channel, pitch=pitch):
                self._set((PitchWheel, channel), pitch, PitchWheel(channel, 0))
            case Aftertouch(channel=channel, value=value):
                self._set((Aftertouch, channel), value, Aftertouch(channel, 0))
            case PolyTouch(channel=channel, note=note, value=value):
                self._set((PolyTouch, channel, note), value, PolyTouch(channel, note, 0))

    def _set(self, key: tuple[object, ...], value: int, rest: Event) -> None:
        if value:
            self._rest[key] = rest
        else:
            self._rest.pop(key, None)

    def events(self) -> list[Event]:
        """Everything that brings the port to rest."""
        return list(self._rest.values())


class Port:
    """One open input. Its callback decodes and enqueues, and does nothing else."""

    def __init__(self, post: Post, channel: int | None):
        self._post = post
        self._channel = None if channel is None else channel - 1
        self._resting = Resting()
        self._promoted = False
        self._rtmidi: rtmidi.MidiIn | None = None

    def open(self, api: int, name: str) -> None:
        """Listen to another program's or a device's port."""
        # Through rtmidi itself: mido would make three more driver clients, each holding up the audio thread for
        # 35 ms (measured on JACK), and names the client only for virtual ports.
        client = open_client(api)
        ports = client.get_ports()
        if name not in ports:
            client.delete()
            raise OSError(f"{name} has gone")
        self._listen(client)
        client.open_port(ports.index(name), "in")

    def open_virtual(self, api: int, name: str) -> None:
        """Listen on a port of our own, to which others connect."""
        client = open_client(api)
        self._listen(client)
        client.open_virtual_port(name)

    def _listen(self, client: rtmidi.MidiIn) -> None:
        client.ignore_types(sysex=True, timing=True, active_sense=False)
        client.set_callback(self._receive)
        self._rtmidi = client

    def _receive(self, message_and_delta: tuple[list[int], float], _data: object) -> None:
        arrival_s = time.perf_counter()
        if not self._promoted:
            self._promoted = True
            promote_thread(MIDI_PRIORITY)
        try:
            event = from_message(mido.Message.from_bytes(message_and_delta[0]))
        except ValueError:
            return  # No message that MIDI knows: a cable of poor contact, a device of poor manners.
        if event is None or self._channel not in (None, getattr(event, "channel", self._channel)):
            return
        self._resting.note(event)
        self._post(event, arrival_s)

    def close(self) -> None:
        """Stop listening, and release whatever this port still holds."""
        if self._rtmidi is not None:
            self._rtmidi.cancel_callback()
            with quiet_stderr():
                self._rtmidi.close_port()
                self._rtmidi.delete()
            self._rtmidi = None
        for event in self._resting.events():
            self._post(event, time.perf_counter())


class MidiInput:
    """The open inputs; `poll` notices what was plugged in or out, as no driver tells.

    post: called with each event and its arrival in seconds of `time.perf_counter()`, on the drivers' threads.
    UserError for an API that rtmidi does not have.
    """

    def __init__(self, config: MidiConfig, post: Post):
        self._config, self._post = config, post
        self._api = api_number(config.api)
        self._scanner: rtmidi.MidiIn | None = None
        self._virtual: Port | None = None
        self._open: dict[str, Port] = {}
        self._refused: set[str] = set()
        self._complaint = ""

    @property
    def names(self) -> list[str]:
        """What is being listened to."""
        own = [f"{CLIENT_NAME}:{self._config.virtual_port}"] if self._virtual else []
        return own + [stable_name(port) for port in self._open]

    def poll(self) -> list[str]:
        """Open what came, let go of what went, and return a line for each change; call it every 2 seconds or so.

        Off the audio path: 0.3 ms in a usual round, 35 ms where a JACK port is opened (measured).
        """
        try:
            own = self._open_own()
            present = self._scan()
        except OSError as error:
            return [*self._forget_all(), *self._complain(f"No MIDI yet: {error}; looking again.")]
        changes = [*own, *self._drop_vanished(present), *self._open_wanted(present)]
        return [*changes, *self._complain(self._missing(present))]

    def _open_own(self) -> list[str]:
        if self._virtual is not None or self._config.virtual_port is None:
            return []
        virtual = Port(self._post, self._config.channel)
        virtual.open_virtual(self._api, self._config.virtual_port)
        self._virtual = virtual
        return [f"MIDI input: {name}" for name in self.names]

    def _scan(self) -> list[str]:
        if self._virtual is not None and not self._config.inputs:
            return []
        if self._scanner is None:
            self._scanner = open_client(self._api, f"{CLIENT_NAME} scan")
        return self._scanner.get_ports()

    def _drop_vanished(self, present: list[str]) -> Iterator[str]:
        self._refused &= set(present)
        for name in [name for name in self._open if name not in present]:
            self._open.pop(name).close()
            yield f"MIDI input gone: {stable_name(name)}; its notes are released."

    def _open_wanted(self, present: list[str]) -> Iterator[str]:
        if self._virtual is not None and not self._config.inputs:
            return
        for name in wanted_ports(present, self._config.inputs):
            if name in self._open:
                continue
            port = Port(self._post, self._config.channel)
            try:
                port.open(self._api, name)
            except driver_errors() as error:
                if name not in self._refused:
                    self._refused.add(name)
                    yield f"MIDI input refused: {stable_name(name)} ({error}); trying again."
                continue
            self._open[name] = port
            self._refused.discard(name)
            yield f"MIDI input: {stable_name(name)}"

    def _missing(self, present: list[str]) -> str:
        if self.names:
            return ""
        if not self._config.inputs:
            return "No MIDI input yet: plug a keyboard in, and it plays."
        wishes = ", ".join(repr(wish) for wish in self._config.inputs)
        there = did_you_mean(self._config.inputs[0], {stable_name(port) for port in present})
        return f"No MIDI input named {wishes} yet ({there}); waiting for it."

    def _complain(self, complaint: str) -> list[str]:
        news = [complaint] if complaint and complaint != self._complaint else []
        self._complaint = complaint
        return news

    def _forget_all(self) -> list[str]:
        names = self.names
        self.close()
        return [f"MIDI input gone: {name}; its notes are released." for name in names]

    def close(self) -> None:
        """Close every port; what they held is released."""
        for port in [*self._open.values(), *([self._virtual] if self._virtual else [])]:
            port.close()
        self._open.clear()
        self._virtual = None
        if self._scanner is not None:
            self._scanner.delete()
            self._scanner = None
