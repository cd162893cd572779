"""MIDI in: every keyboard that is plugged in, now or later, or those named, or a port of our own."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import mido

from runtime.base.errors import did_you_mean
from runtime.base.quiet import quiet_stderr
from runtime.base.realtime import MIDI_PRIORITY, promote_thread
from runtime.events import Event
from runtime.midi.announcements import Announcements, announcer
from runtime.midi.held import Resting
from runtime.midi.messages import from_message
from runtime.midi.ports import CLIENT_NAME, api_number, driver_errors, open_client, stable_name, wanted_ports

if TYPE_CHECKING:
    import rtmidi

    from runtime.config import MidiConfig

# While JACK itself is at work on a port's going, rtmidi takes the interpreter for 45 ms to close it, later for 15.
_SETTLING_S = 0.03
# A port that has just come may refuse at first. Each try takes the interpreter for 40 ms, so they become rarer.
_FIRST_RETRY_S, _LAST_RETRY_S = 0.1, 2.0
Post = Callable[[Event, float], None]


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
        self.release()

    def release(self) -> None:
        """Bring to rest what this port holds."""
        for event in self._resting.events():
            self._resting.note(event)
            self._post(event, time.perf_counter())


class Refusal(NamedTuple):
    """How often a port could not be opened, and the `time.monotonic()` of the next try."""

    n_tries: int = 0
    due_s: float = 0.0

    def once_more(self) -> Refusal:
        """The refusal after another try in vain."""
        wait_s = min(_FIRST_RETRY_S * 2.0**self.n_tries, _LAST_RETRY_S)
        return Refusal(self.n_tries + 1, time.monotonic() + wait_s)


class MidiInput:
    """The open inputs; `poll` notices what was plugged in or out, and `news_fds` tells when to look.

    post: called with each event and its arrival in seconds of `time.perf_counter()`, on the drivers' threads.
    UserError for an API that rtmidi does not have.
    """

    def __init__(self, config: MidiConfig, post: Post):
        self._config, self._post = config, post
        self._api = api_number(config.api)
        self._scanner: rtmidi.MidiIn | None = None
        self._virtual: Port | None = None
        self._open: dict[str, Port] = {}
        self._refused: dict[str, Refusal] = {}
        self._announcer = announcer(self._api)
        self._news: Announcements | None = None
        self._complaint = ""

    @property
    def names(self) -> list[str]:
        """What is being listened to."""
        own = [f"{CLIENT_NAME}:{self._config.virtual_port}"] if self._virtual else []
        return own + [stable_name(port) for port in self._open]

    @property
    def news_fds(self) -> list[int]:
        """File descriptors that can be read as soon as a port came or went: `poll` then."""
        return [self._news.fileno()] if self._news else []

    @property
    def retry_s(self) -> float:
        """Seconds until a port that was refused is to be tried again, by `poll`; infinite if none was."""
        due_s = min((refusal.due_s for refusal in self._refused.values()), default=math.inf)
        return max(0.0, due_s - time.monotonic())

    def poll(self) -> list[str]:
        """Open what came, let go of what went, and return a line for each change; call it every 2 seconds at least.

        Off the audio path: 0.3 ms in a usual round, 50 ms where a JACK port comes or goes (measured).
        """
        try:
            own = self._open_own()
            gone = self._hear()
            present = self._scan()
        except OSError as error:
            return [*self._forget_all(), *self._complain(f"No MIDI yet: {error}; looking again.")]
        changes = [*own, *self._drop_vanished(present, gone), *self._open_wanted(present)]
        return [*changes, *self._complain(self._missing(present))]

    def _open_own(self) -> list[str]:
        if self._virtual is not None or self._config.virtual_port is None:
            return []
        virtual = Port(self._post, self._config.channel)
        virtual.open_virtual(self._api, self._config.virtual_port)
        self._virtual = virtual
        return [f"MIDI input: {name}" for name in self.names]

    @property
    def _only_own(self) -> bool:
        return self._virtual is not None and not self._config.inputs

    def _hear(self) -> set[str]:
        """The open ports that were announced as gone, though they may be back."""
        if self._news is not None:
            return self._news.gone(self._open)
        if self._announcer is not None and not self._only_own:
            with contextlib.suppress(OSError):
                self._news = self._announcer()
        return set()

    def _scan(self) -> list[str]:
        if self._only_own:
            return []
        if self._scanner is None:
            self._scanner = open_client(self._api, f"{CLIENT_NAME} scan")
        return self._scanner.get_ports()

    def _drop_vanished(self, present: list[str], gone: set[str]) -> Iterator[str]:
        self._refused = {name: refusal for name, refusal in self._refused.items() if name in present}
        vanished = [name for name in self._open if name not in present or name in gone]
        for name in vanished:
            self._open[name].release()
        if vanished:
            time.sleep(_SETTLING_S)
        for name in vanished:
            self._open.pop(name).close()
            yield f"MIDI input gone: {stable_name(name)}; its notes are released."

    def _open_wanted(self, present: list[str]) -> Iterator[str]:
        if self._only_own:
            return
        for name in wanted_ports(present, self._config.inputs):
            refusal = self._refused.get(name, Refusal())
            if name in self._open or time.monotonic() < refusal.due_s:
                continue
            try:
                self._open[name] = self._listen(name)
            except driver_errors() as error:
                self._refused[name] = refusal.once_more()
                if refusal.n_tries == 1:  # once is usual for a port that has just come
                    yield f"MIDI input refused: {stable_name(name)} ({error}); trying again."
                continue
            self._refused.pop(name, None)
            yield f"MIDI input: {stable_name(name)}"

    def _listen(self, name: str) -> Port:
        """The port, opened; one of `driver_errors` if it cannot be."""
        port = Port(self._post, self._config.channel)
        before = self._news.listeners(name) if self._news else None
        try:
            port.open(self._api, name)
            # JACK shows a port before it lets anyone connect to it, and rtmidi does not look whether it did.
            if before is not None and self._news.listeners(name) <= before:
                raise OSError("it takes no connection yet")
        except driver_errors():
            port.close()
            raise
        return port

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
        self._refused.clear()
        self._virtual = None
        if self._scanner is not None:
            self._scanner.delete()
            self._scanner = None
        if self._news is not None:
            self._news.close()
            self._news = None
