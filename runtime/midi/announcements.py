"""News of ports that go, from the server that keeps them: rtmidi gives none, and a look misses what is back at once."""

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
from runtime.midi.ports import CLIENT_NAME

if TYPE_CHECKING:
    import alsa_midi
    import jack

_OWN_NAME = f"{CLIENT_NAME} news"


class Announcements(Protocol):
    """One server's announcements, from now on; all its methods are for the supervisor's thread."""

    def fileno(self) -> int:
        """A file descriptor that can be read as soon as there is news."""

    def gone(self, ports: Iterable[str]) -> set[str]:
        """Those of these ports, by rtmidi's names, that went since the last call; OSError if the server itself did."""

    def listeners(self, port: str) -> set[str] | None:
        """Who is connected to this port; None where the driver says itself if a connection fails."""

    def close(self) -> None:
        """Hear no more."""


def announcer(api: int) -> Callable[[], Announcements] | None:
    """What opens the announcements of one of rtmidi's APIs; None where it has none or their library is missing.

    What this returns raises OSError, with the reason, where the API has no service here.
    """
    import rtmidi

    try:
        if api == rtmidi.API_UNIX_JACK:
            import jack

            # JACK 1 waits for everyone that it tells, and who is told here needs the interpreter, which rtmidi holds
            # while it in turn waits for JACK.
            return None if jack.version_string().startswith("0.") else JackAnnouncements
        if api == rtmidi.API_LINUX_ALSA:
            import alsa_midi  # noqa: F401  # takes 0.1 s, and is here because no sound waits for it yet

            return AlsaAnnouncements
    except (ImportError, OSError, AttributeError):  # what a missing, or an ancient, libjack or libasound raises
        return None
    return None


class JackAnnouncements:
    """JACK's: it calls, on a thread of its own, for each port that comes or goes; OSError without a server."""

    def __init__(self) -> None:
        import jack

        self._error = jack.JackError
        self._gone: deque[str] = deque()
        self._over = self._promoted = False
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
            self._client.set_shutdown_callback(self._end)
            # By the time that JACK tells of a port's going, another may have its place: names are noted before.
            self._known = [(port, port.name) for port in self._client.get_ports()]
            self._client.activate()
        except jack.JackError as error:
            self.close()
            raise OSError(str(error)) from None

    def _hear(self, port: jack.Port, came: bool) -> None:
        """From JACK's thread, in which it may not be asked anything."""
        if not self._promoted:
            self._promoted = True
            promote_thread(SUPERVISOR_PRIORITY)  # the audio thread waits for whoever holds the interpreter
        names = [name for known, name in self._known if known == port]
        self._known = [(known, name) for known, name in self._known if known != port]
        if came:
            self._known.append((port, port.name))
        else:
            self._gone.extend(names or [port.name])
        self._wake()

    def _end(self, _status: jack.Status, _reason: str) -> None:
        self._over = True
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes too
            os.write(self._write_fd, b"!")

    def fileno(self) -> int:
        return self._read_fd

    def gone(self, ports: Iterable[str]) -> set[str]:
        # The pipe before the names: a name that comes in between wakes once more, and is not lost.
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read_fd, 4096):
                pass
        if self._over:
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
    """The ALSA sequencer's, which are events to whoever subscribes to its port 0:1; OSError without a sequencer."""

    def __init__(self) -> None:
        import alsa_midi

        self._error = alsa_midi.ALSAError
        try:
            with quiet_stderr():
                self._client = alsa_midi.SequencerClient(_OWN_NAME)
            # Nobody else may connect to this port, so that no program offers it as a synthesizer.
            caps = alsa_midi.PortCaps.WRITE | alsa_midi.PortCaps.NO_EXPORT
            self._client.create_port("in", caps, alsa_midi.PortType.APPLICATION).connect_from(alsa_midi.SYSTEM_ANNOUNCE)
            waited_for = alsa_midi.ffi.new("struct pollfd[]", 1)
            alsa_midi.alsa.snd_seq_poll_descriptors(self._client.handle, waited_for, 1, select.POLLIN)
            self._fd = waited_for[0].fd
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
            if error.errnum == -errno.ENOSPC:  # so many that some were lost: any port may have gone
                return set(ports)
            raise OSError(f"the ALSA sequencer announces nothing more ({error})") from None
        return announced_gone(events, ports)

    def listeners(self, _port: str) -> set[str] | None:
        return None

    def close(self) -> None:
        self._client.close()


def announced_gone(events: Iterable[alsa_midi.Event], ports: Iterable[str]) -> set[str]:
    """Those of rtmidi's ALSA ports, whose names end with an address as in `Keys:Keys MIDI 1 20:0`, that went."""
    from alsa_midi import EventType

    gone = set()
    for event in events:
        if event.type == EventType.PORT_EXIT:
            gone.add(str(event.addr))
        elif event.type == EventType.CLIENT_EXIT:
            gone.add(f"{event.addr.client_id}:")
    addresses = {port: port.rpartition(" ")[2] for port in ports}
    return {port for port, address in addresses.items() if gone & {address, address.partition(":")[0] + ":"}}
