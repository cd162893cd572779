"""A MIDI file played into the live engine, as a keyboard would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import mido

from runtime.events import Event
from runtime.midi.held import Resting
from runtime.midi.messages import from_message

DEMO_FILE = Path(__file__).parent.parent / "demo" / "demo.mid"
_LEAD_IN_S = 0.5


class DemoPlayer:
    """Posts a file's events at their times, once, on a thread of its own that does nothing else.

    post: called with each event and its time in seconds of `time.perf_counter()`.
    """

    def __init__(self, path: Path, post: Callable[[Event, float], None]):
        self._post = post
        self._resting = Resting()
        self._stopped = threading.Event()
        self._events: list[tuple[float, Event]] = []
        time_s = _LEAD_IN_S
        for message in mido.MidiFile(path):
            time_s += message.time
            event = from_message(message)
            if event is not None:
                self._events.append((time_s, event))
        self._thread = threading.Thread(target=self._run, name="demo", daemon=True)

    def start(self) -> None:
        """Play from now on."""
        self._thread.start()

    def _run(self) -> None:
        start_s = time.perf_counter()
        for time_s, event in self._events:
            if self._stopped.wait(max(0.0, start_s + time_s - time.perf_counter())):
                break
            self._resting.note(event)
            # The event's own time, not this thread's: the piece keeps its rhythm to the sample.
            self._post(event, start_s + time_s)
        for event in self._resting.events():
            self._post(event, time.perf_counter())

    def close(self) -> None:
        """Stop, and let every key go."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
