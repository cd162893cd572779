"""One open MIDI input."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import mido

from runtime.base.quiet import quiet_stderr
from runtime.base.realtime import MIDI_PRIORITY, DriverThreadState, promote_thread
from runtime.events import Event, NoteOn
from runtime.midi.held_state import HeldState
from runtime.midi.messages import from_message
from runtime.midi.rtmidi_apis import clients_are_slow, open_client

if TYPE_CHECKING:
    import rtmidi

    from runtime.midi.port_announcements import Announcements

Post = Callable[[Event, float], None]
_LAST_CALL_S = 0.002


class InputPort:
    """Converts each message of one MIDI input to an event, and posts it; can be reused after `close`.

    api: rtmidi's number for the API.
    post: called on the driver's thread with each event and its time of arrival, in seconds of `time.perf_counter()`.
    channel: the only channel to receive, 1 to 16; None for all channels.
    velocities: a table of 128 bytes with the heard velocity for each played velocity; None for no change.
    """

    def __init__(self, api: int, post: Post, channel: int | None):
        self._api, self._post = api, post
        self._channel = None if channel is None else channel - 1
        self.device = 0
        self.velocities: bytes | None = None
        self._held = HeldState()
        self._client: rtmidi.MidiIn | None = None
        self._kept_alive: list[object] = []
        self._promoted, self._thread_state = False, DriverThreadState()
        self._may_be_deaf = False

    def open(self, name: str, announcements: Announcements | None) -> None:
        """Connect to the port with this name in rtmidi's list; raises one of `driver_errors()` if that fails.

        announcements: used to check that the connection was made; None for no check.
        """
        # mido's ports would create three more driver clients. Creating a client stops the audio thread for 35 ms
        # (measured on JACK).
        client = self._prepared_client()
        ports = client.get_ports()
        if name not in ports:
            raise OSError(f"{name} has gone")
        before = announcements.listeners(name) if announcements else None
        client.open_port(ports.index(name), "in")
        # JACK lists a port before clients can connect to it, and rtmidi does not check the connection.
        if before is not None and announcements.listeners(name) <= before:
            raise OSError("it takes no connection yet")
        self._may_be_deaf = True

    def open_virtual(self, name: str) -> None:
        """Create a virtual port with this name."""
        self._prepared_client().open_virtual_port(name)

    def _prepared_client(self) -> rtmidi.MidiIn:
        if self._client is None:
            self._client = open_client(self._api)
            # Let rtmidi drop system exclusive messages, but pass on the timing clock, which LFOs need, and active
            # sensing: when it stops, the sender has gone.
            self._client.ignore_types(sysex=True, timing=False, active_sense=False)
            self._promoted = False
        self._client.set_callback(self._receive)
        # `cancel_callback` frees the callback even while the driver's thread waits to call it. That call would crash,
        # so keep a reference.
        self._kept_alive = gc.get_referents(self._client)
        return self._client

    def _receive(self, message_and_delta: tuple[list[int], float], _data: object) -> None:
        arrival_s = time.perf_counter()
        self._may_be_deaf = False
        if not self._promoted:
            self._promoted = True
            self._thread_state.keep()
            promote_thread(MIDI_PRIORITY)
        try:
            event = from_message(mido.Message.from_bytes(message_and_delta[0]), self.device)
        except (ValueError, LookupError, TypeError):
            return  # the bytes are no MIDI: a bad cable, or a faulty device
        if event is None or self._channel not in (None, getattr(event, "channel", self._channel)):
            return
        if self.velocities is not None and type(event) is NoteOn:
            event = NoteOn(event.channel, event.note, self.velocities[event.velocity], event.device)
        self._held.remember(event)
        self._post(event, arrival_s)

    def let_go(self) -> None:
        """Receive nothing more, and release all held keys and controllers. `close` must be called later."""
        if self._client is not None:
            self._client.cancel_callback()
            time.sleep(_LAST_CALL_S)  # the driver's thread may still be inside its last call of `_receive`
        self._release()

    def close(self) -> None:
        """Close the port, and release all held keys and controllers."""
        self.let_go()
        if self._client is not None:
            with quiet_stderr():
                self._client.close_port()
            # After a truncated system exclusive message, rtmidi's JACK client receives nothing until the end of the
            # next system exclusive message. So a client is reused only if its latest connection received a message.
            if self._may_be_deaf or not clients_are_slow(self._api):
                self._delete_client()
        self._release()  # again: the driver's last call may have ended after the first release

    def delete(self) -> None:
        """Close the port, and delete the driver's client."""
        self.close()
        if self._client is not None:
            self._delete_client()

    def _delete_client(self) -> None:
        with quiet_stderr():
            self._client.delete()
        self._thread_state.free()
        self._client, self._kept_alive, self._may_be_deaf = None, [], False

    def _release(self) -> None:
        for event in self._held.releases():
            self._held.remember(event)
            self._post(event, time.perf_counter())
