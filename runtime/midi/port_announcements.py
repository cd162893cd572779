"""Port announcements: JACK and the ALSA sequencer announce that a MIDI port comes or goes.

rtmidi can only list the present ports: it does not see that a keyboard was unplugged and plugged in again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from runtime.base.quiet import quiet_stderr
from runtime.base.realtime import SUPERVISOR_PRIORITY, promote_thread
from runtime.midi.rtmidi_apis import CLIENT_NAME

if TYPE_CHECKING:
    import alsa_midi
    import jack

_OWN_NAME = f"{CLIENT_NAME} news"


class Announcements(Protocol):
    """The port announcements of one server since this object was made. Use it on the supervisor's thread only."""

    def fileno(self) -> int:
        """A file descriptor that becomes readable when a port comes or goes, or the server ends."""

    def gone(self, ports: Iterable[str]) -> set[str]:
        """Those of `ports` that have gone since the previous call; all, if announcements were lost.

        OSError if the server sends no more announcements.
        """

    def listeners(self, port: str) -> set[str] | None:
        """The names of the ports connected to `port`; None if rtmidi itself reports a connection that fails."""

    def close(self) -> None:
        """Stop listening."""


def announcer(api: int) -> Callable[[], Announcements] | None:
    """The class that receives an API's announcements; None if there is no such class, or its library cannot be used.

    api: rtmidi's number of the API. The class raises OSError if the API's server does not run.
    """
    import rtmidi

    try:
        if api == rtmidi.API_UNIX_JACK:
            import jack

            # JACK 1, whose versions begin with 0, would deadlock: JACK waits for our callback, the callback waits for
            # the interpreter, and rtmidi holds the interpreter while it waits for JACK.
            return None if jack.version_string().startswith("0.") else JackAnnouncements
        if api == rtmidi.API_LINUX_ALSA:
            import alsa_midi  # noqa: F401  # importing takes 0.1 s: do it before anything plays

            return AlsaAnnouncements
    except (ImportError, OSError, AttributeError):  # a missing or very old libjack or libasound
        return None
    return None


class JackAnnouncements:
    """JACK's announcements; OSError if no server runs."""

    def __init__(self) -> None:
        import jack

        self._error = jack.JackError
        self._gone: deque[str] = deque()
        self._server_gone = self._promoted = False
        try:
            with quiet_stderr():
                self._client = jack.Client(_OWN_NAME, no_start_server=True)
        except jack.JackError as error:
            raise OSError(str(error)) from None
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)
        try:
            self._client.set_port_registration_callback(self._hear)
            self._client.set_shutdown_callback(self._server_stopped)
            # Keep the ports' names: when JACK says that a port has gone, a new port may already have its number.
            self._port_names = [(port, port.name) for port in self._client.get_ports()]
            self._client.activate()
        except jack.JackError as error:
            self.close()
            raise OSError(str(error)) from None

    def _hear(self, port: jack.Port, came: bool) -> None:
        """JACK calls this on a thread that must not wait for the server."""
        if not self._promoted:
            self._promoted = True
            promote_thread(SUPERVISOR_PRIORITY)  # the audio thread waits while this one holds the interpreter
        names = [name for known, name in self._port_names if known == port]
        self._port_names = [(known, name) for known, name in self._port_names if known != port]
        if came:
            self._port_names.append((port, port.name))
        else:
            self._gone.extend(names or [port.name])
        self._wake()

    def _server_stopped(self, _status: jack.Status, _reason: str) -> None:
        self._server_gone = True
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # if the pipe is full, the bytes in it wake the reader
            os.write(self._write_fd, b"!")

    def fileno(self) -> int:
        return self._read_fd

    def gone(self, ports: Iterable[str]) -> set[str]:
        # Empty the pipe before the list of names: a name added in between makes the pipe readable again.
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read_fd, 4096):
                pass
        if self._server_gone:
            raise OSError("the JACK server has gone")
        return {self._gone.popleft() for _ in range(len(self._gone))}.intersection(ports)

    def listeners(self, port: str) -> set[str] | None:
        try:
            return {listener.name for listener in self._client.get_all_connections(port)}
        except self._error:
            return set()

    def close(self) -> None:
        with quiet_stderr():
            self._client.close()
        os.close(self._read_fd)
        os.close(self._write_fd)


class AlsaAnnouncements:
    """The ALSA sequencer's announcements; OSError if there is no sequencer."""

    def __init__(self) -> None:
        import alsa_midi

        self._error = alsa_midi.ALSAError
        try:
            with quiet_stderr():
                self._client = alsa_midi.SequencerClient(_OWN_NAME)
            # Without NO_EXPORT, other programs would show this port as a synthesizer.
            caps = alsa_midi.PortCaps.WRITE | alsa_midi.PortCaps.NO_EXPORT
            # Keep the port: alsa_midi deletes a port, and its connection, when nothing refers to the port.
            self._port = self._client.create_port("in", caps, alsa_midi.PortType.APPLICATION)
            self._port.connect_from(alsa_midi.SYSTEM_ANNOUNCE)
            descriptors = alsa_midi.ffi.new("struct pollfd[]", 1)
            alsa_midi.alsa.snd_seq_poll_descriptors(self._client.handle, descriptors, 1, select.POLLIN)
            self._fd = descriptors[0].fd
        except alsa_midi.ALSAError as error:
            raise OSError(str(error)) from None

    def fileno(self) -> int:
        return self._fd

    def gone(self, ports: Iterable[str]) -> set[str]:
        events = []
        try:
            while self._client.event_input_pending(fetch_sequencer=True):
                events.append(self._client.event_input())
        except self._error as error:
            if error.errnum == -errno.ENOSPC:  # announcements were lost: any port may have gone
                return set(ports)
            raise OSError(f"the ALSA sequencer announces nothing more ({error})") from None
        return announced_gone(events, ports)

    def listeners(self, _port: str) -> set[str] | None:
        return None

    def close(self) -> None:
        self._client.close()


def announced_gone(events: Iterable[alsa_midi.Event], ports: Iterable[str]) -> set[str]:
    """Those of `ports` that have gone, according to ALSA's events.

    ports: rtmidi's names. Each ends with the port's address: `Keys:Keys MIDI 1 20:0`.
    """
    from alsa_midi import EventType

    gone = set()
    for event in events:
        if event.type == EventType.PORT_EXIT:
            gone.add(str(event.addr))
        elif event.type == EventType.CLIENT_EXIT:
            gone.add(f"{event.addr.client_id}:")
    addresses = {port: port.rpartition(" ")[2] for port in ports}
    return {port for port, address in addresses.items() if gone & {address, address.partition(":")[0] + ":"}}
