"""Opens and closes MIDI inputs as keyboards come and go."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from runtime.base.errors import did_you_mean
from runtime.midi.devices import DeviceTable, Identity
from runtime.midi.input_port import InputPort, Post
from runtime.midi.port_announcements import Announcements, announcer
from runtime.midi.rtmidi_apis import (
    CLIENT_NAME,
    api_number,
    driver_errors,
    open_client,
    port_names,
    stable_name,
    wanted_ports,
)

if TYPE_CHECKING:
    import rtmidi

    from runtime.config import MidiConfig

_FIRST_RETRY_S, _LAST_RETRY_S = 0.1, 2.0
# While rtmidi closes a port, it holds the interpreter's lock, and the audio thread waits. This takes 1 ms, but 50 ms if
# JACK is still removing the program at the other end. So a port is closed this long after its keyboard or program has
# gone, or when it is reused before that.
_CLOSE_AFTER_S = 0.3


class Refusal(NamedTuple):
    """The state of a port that refused to open, and is tried again after 0.1 to 2 s.

    n_tries: number of failed tries.
    due_s: `time.monotonic()` of the next try.
    """

    n_tries: int = 0
    due_s: float = 0.0

    def once_more(self) -> Refusal:
        """The port's state after one more failed try."""
        wait_s = min(_FIRST_RETRY_S * 2.0**self.n_tries, _LAST_RETRY_S)
        return Refusal(self.n_tries + 1, time.monotonic() + wait_s)


class MidiInputs:
    """The open MIDI inputs; `poll` opens and closes them.

    config: names the wanted inputs and the virtual port.
    post: called on the drivers' threads with each event and its time of arrival, in seconds of `time.perf_counter()`.
    came: called with the device number and identity of each input before it is opened.
    known: the inputs' identities from earlier runs.
    has_lost_server: whether the latest poll reached no MIDI server.
    """

    def __init__(
        self,
        config: MidiConfig,
        post: Post,
        came: Callable[[int, Identity], object] = lambda _device, _identity: None,
        known: Iterable[Identity] = (),
    ):
        self._config, self._post, self._came = config, post, came
        self._devices = DeviceTable(known)
        self._velocities: dict[int, bytes | None] = {}
        self._api = api_number(config.api)
        self._scanner: rtmidi.MidiIn | None = None
        self._virtual: InputPort | None = None
        self._open: dict[str, InputPort] = {}
        # The ports of keyboards that have gone: (time at which to close the port, port), ascending.
        self._left: list[tuple[float, InputPort]] = []
        self._idle: list[InputPort] = []  # closed ports, kept for reuse
        self._refused: dict[str, Refusal] = {}
        self._announcer = announcer(self._api)
        self._announcements: Announcements | None = None
        self._problem = ""
        self.has_lost_server = False

    @property
    def names(self) -> list[str]:
        own = [f"{CLIENT_NAME}:{self._config.virtual_port}"] if self._virtual else []
        return own + [stable_name(port) for port in self._open]

    @property
    def devices(self) -> dict[int, Identity]:
        """The present inputs, by device number."""
        return self._devices.here

    def set_velocities(self, device: int, velocities: bytes | None) -> None:
        """Set a device's velocities now, and again when the device returns.

        velocities: as in InputPort.
        """
        self._velocities[device] = velocities
        for port in [*self._open.values(), *([self._virtual] if self._virtual else [])]:
            if port.device == device:
                port.velocities = velocities

    @property
    def wake_fds(self) -> list[int]:
        """File descriptors that become readable when a port comes or goes."""
        return [self._announcements.fileno()] if self._announcements else []

    @property
    def retry_s(self) -> float:
        """Seconds until `poll` should retry a refused port or close a port that has gone; infinite if there is none."""
        dues_s = [refusal.due_s for refusal in self._refused.values()] + [due_s for due_s, _ in self._left[:1]]
        return max(0.0, min(dues_s, default=math.inf) - time.monotonic())

    def poll(self) -> list[str]:
        """Open new ports and close ports that have gone; returns a line for the user about each change.

        Call it at least every 2 seconds. It takes 0.3 ms if nothing has changed. On JACK, rtmidi holds the
        interpreter's lock for 1 ms when a keyboard is plugged in, or for 24 ms if it must create a client
        because none can be reused.
        """
        while self._left and self._left[0][0] <= time.monotonic():
            self._idle.append(self._close_left())
        try:
            own = self._open_own()
            gone = self._announced_gone()
            present = self._list_ports()
            self.has_lost_server = False
        except OSError as error:
            self.has_lost_server = True
            return [*self._close_all(), *self._once(f"No MIDI yet: {error}; looking again.")]
        changes = [*own, *self._close_gone(present, gone), *self._open_wanted(present)]
        return [*changes, *self._once(self._what_is_missing(present))]

    def _open_own(self) -> list[str]:
        if self._virtual is not None or self._config.virtual_port is None:
            return []
        virtual = InputPort(self._api, self._post, self._config.channel)
        name = f"{CLIENT_NAME}:{self._config.virtual_port}"
        self._introduce(virtual, self._devices.arrive([name])[name])
        virtual.open_virtual(self._config.virtual_port)
        self._virtual = virtual
        return [f"MIDI input: {name}" for name in self.names]

    def _introduce(self, port: InputPort, device: int) -> None:
        port.device, port.velocities = device, self._velocities.get(device)
        self._came(device, self._devices.identity(device))

    @property
    def _only_own(self) -> bool:
        return self._virtual is not None and not self._config.inputs

    def _announced_gone(self) -> set[str]:
        """The names of the open ports that were announced as gone. A new port may have the same name by now."""
        if self._announcements is not None:
            return self._announcements.gone(self._open)
        if self._announcer is not None and not self._only_own:
            with contextlib.suppress(OSError):
                self._announcements = self._announcer()
        return set()

    def _list_ports(self) -> list[str]:
        if self._only_own:
            return []
        if self._scanner is None:
            self._scanner = open_client(self._api, f"{CLIENT_NAME} scan")
        return port_names(self._scanner)

    def _close_gone(self, present: list[str], gone: set[str]) -> Iterator[str]:
        self._refused = {name: refusal for name, refusal in self._refused.items() if name in present}
        own = {f"{CLIENT_NAME}:{self._config.virtual_port}"} if self._virtual else set()
        self._devices.keep_only({*present, *own} - gone)
        for name in [name for name in self._open if name not in present or name in gone]:
            port = self._open.pop(name)
            port.let_go()
            self._left.append((time.monotonic() + _CLOSE_AFTER_S, port))
            yield _gone_line(stable_name(name))

    def _open_wanted(self, present: list[str]) -> Iterator[str]:
        if self._only_own:
            return
        wanted = wanted_ports(present, self._config.inputs)
        devices = self._devices.arrive(wanted)
        for name in wanted:
            refusal = self._refused.get(name, Refusal())
            if name in self._open or time.monotonic() < refusal.due_s:
                continue
            port = self._free_port()
            try:
                self._introduce(port, devices[name])
                port.open(name, self._announcements)
            except driver_errors() as error:
                port.close()
                self._idle.append(port)
                self._refused[name] = refusal.once_more()
                if refusal.n_tries == 1:  # the second refusal; the first one is normal for a new port
                    yield f"MIDI input refused: {stable_name(name)} ({error}); trying again."
                continue
            self._open[name] = port
            self._refused.pop(name, None)
            yield f"MIDI input: {stable_name(name)}"

    def _free_port(self) -> InputPort:
        """A closed port. A used one is taken if possible, because making a new one is slow."""
        if self._idle:
            return self._idle.pop()
        return self._close_left() if self._left else InputPort(self._api, self._post, self._config.channel)

    def _close_left(self) -> InputPort:
        _, port = self._left.pop(0)
        port.close()
        return port

    def _what_is_missing(self, present: list[str]) -> str:
        if self.names:
            return ""
        if not self._config.inputs:
            return "No MIDI input yet: plug a keyboard in, and it plays."
        wishes = ", ".join(repr(wish) for wish in self._config.inputs)
        there = did_you_mean(self._config.inputs[0], {stable_name(port) for port in present})
        return f"No MIDI input named {wishes} yet ({there}); waiting for it."

    def _once(self, problem: str) -> list[str]:
        """The problem as a list of one line; empty without a problem, or if the previous poll had the same problem."""
        lines = [problem] if problem and problem != self._problem else []
        self._problem = problem
        return lines

    def _close_all(self) -> list[str]:
        names = self.names
        self.close()
        return [_gone_line(name) for name in names]

    def close(self) -> None:
        """Close every port, and release all held keys and controllers."""
        left = [port for _, port in self._left]
        for port in [*self._open.values(), *left, *self._idle, *([self._virtual] if self._virtual else [])]:
            port.delete()
        self._open.clear()
        self._left.clear()
        self._devices.keep_only(())
        self._idle.clear()
        self._refused.clear()
        self._virtual = None
        if self._scanner is not None:
            self._scanner.delete()
            self._scanner = None
        if self._announcements is not None:
            self._announcements.close()
            self._announcements = None


def _gone_line(name: str) -> str:
    return f"MIDI input gone: {name}; its notes are released."
