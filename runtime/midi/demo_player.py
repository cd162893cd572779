"""Plays the demo, a MIDI file, on the live engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from runtime.events import Event
from runtime.midi.files import read_events
from runtime.midi.held_state import HeldState

_LEAD_IN_S = 0.5


class DemoPlayer:
    """Plays a MIDI file once, without channel 10, on a thread of its own.

    post: called with each event and its time, in seconds of `time.perf_counter()`.
    """

    def __init__(self, path: Path, post: Callable[[Event, float], None]):
        self._post = post
        self._held = HeldState()
        self._stopped = threading.Event()
        self._events = read_events(path)
        self._thread = threading.Thread(target=self._run, name="demo", daemon=True)

    def start(self) -> None:
        """Start playing, after half a second of silence."""
        self._thread.start()

    def _run(self) -> None:
        start_s = time.perf_counter() + _LEAD_IN_S
        for time_s, event in self._events:
            if self._stopped.wait(max(0.0, start_s + time_s - time.perf_counter())):
                break
            self._held.remember(event)
            # The file's time, not the present time: this thread wakes late, but the rhythm must be exact.
            self._post(event, start_s + time_s)
        for event in self._held.releases():
            self._post(event, time.perf_counter())

    def close(self) -> None:
        """Stop, and release every key and pedal."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
