"""The companion's side of recording."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from runtime.audio.sound_ring import RingReader
from runtime.base.errors import UserError
from runtime.companion.recording.places import recordings_folder, settle_leftovers
from runtime.companion.recording.recording import Order, Recording
from runtime.companion.serving import Companion
from runtime.link.messages import NoParams
from runtime.midi.recorded.events import event_of

_WORK_S = 0.1  # seconds between two writes to a growing recording
ENDED = "recording_ended"


class Begin(msgspec.Struct, frozen=True):
    """Begin a recording.

    descriptor: the sound ring's file descriptor, which this process inherited.
    order: what to record.
    """

    descriptor: int
    order: Order


class Add(msgspec.Struct, frozen=True):
    """Add events to the recording.

    timed: for each event, its frame and the event as plain values; in the order of the frames.
    """

    timed: list[tuple[int, list[Any]]]


class Stop(msgspec.Struct, frozen=True):
    """End the recording at a frame."""

    frame: int


class Recorder:
    """Handles the requests to begin, extend and end a recording; makes one recording at a time."""

    def __init__(self, companion: Companion):
        self._companion = companion
        self._ring: RingReader | None = None
        self._recording: Recording | None = None
        companion.add("record_begin", Begin, self._begin)
        companion.add("record_add", Add, self._add)
        companion.add("record_stop", Stop, self._stop)
        companion.add("record_status", NoParams, lambda _params: self._facts())
        companion.every(self._work)
        companion.at_end(self._end)
        self._settle_leftovers()

    def _settle_leftovers(self) -> None:
        try:
            settled = settle_leftovers(recordings_folder())
        except (UserError, OSError):
            return  # a missing folder is no problem as long as nobody records
        for path in settled:
            if path.suffix != ".mid":
                self._companion.say(f"Kept a recording that was cut short: {path}")

    def _begin(self, begin: Begin) -> dict[str, Any]:
        if self._recording is not None:
            raise UserError("record", "a recording that goes on", "none", "stop it first: ./timbrebox record stop")
        if self._ring is None:
            self._ring = RingReader(begin.descriptor)
        folder = recordings_folder()
        try:
            self._recording = Recording(self._ring, begin.order, folder)
        except OSError as error:
            remedy = "free some space, or set XDG_DATA_HOME to another folder"
            raise UserError(folder, error.strerror or str(error), "a writable place with room", remedy) from None
        return self._facts()

    def _add(self, added: Add) -> None:
        if self._recording is not None:
            self._recording.add([(frame, event_of(values)) for frame, values in added.timed])

    def _stop(self, stop: Stop) -> dict[str, Any]:
        if self._recording is None:
            raise UserError("record", "no recording that goes on", "one", "start it: ./timbrebox record start")
        self._recording.work(stop.frame)
        return self._finish()

    def _work(self) -> float:
        """Write new sound and events; return the seconds until the next call, inf if nothing is being recorded.

        If a problem has ended the recording, finish it.
        """
        if self._recording is None:
            return math.inf
        if not self._recording.work():
            self._companion.tell(ENDED, **self._finish())
            return math.inf
        return _WORK_S

    def _end(self) -> None:
        if self._recording is not None:
            self._recording.work()
            self._recording.work()  # twice: the first call finds the sound's end, the second writes up to it
            self._finish()

    def _finish(self) -> dict[str, Any]:
        recording = self._recording
        recording.finish()
        facts, self._recording = self._facts(), None
        return facts | {"is_recording": False}

    def _facts(self) -> dict[str, Any]:
        recording = self._recording
        if recording is None:
            return {"is_recording": False}
        return {
            "is_recording": True,
            "files": [str(path) for path in recording.files],
            "n_frames": recording.n_frames,
            "n_lost": recording.n_lost,
            "problem": recording.problem,
        }
