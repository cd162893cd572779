"""Reads the recorder's MIDI files: gives back exactly the events that were recorded."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.events import Event
from runtime.midi.recorded.events import event_of, event_of_midi
from runtime.midi.recorded.writing import EVENT, HEAD, META, PORT, SIGNATURE, SPECIFIC

LARGEST_BYTES = 128 * 2**20
# The head and each event that is written as JSON may have at most this many bytes. Real ones have at most 4 MB.
# Decoding takes up to 20 times as much memory as the JSON.
LARGEST_EVENT_BYTES = 8 * 2**20
MOST_EVENTS = 2_000_000  # 80 per second for 7 hours
_END_KIND = 0x2F
_FIRST_BYTES = 64
_TRACK_AT = 22  # number of bytes before the events


class RecordedMidi(NamedTuple):
    """A recorded MIDI file.

    head: the instruments, the settings and the state at the start: all that determines the sound but the events.
    content: the file's bytes.
    n_ticks: length in ticks.
    """

    head: dict[str, Any]
    content: bytes
    n_ticks: int

    @property
    def events(self) -> list[tuple[int, Event]]:
        return list(self.each_event())

    def each_event(self) -> Iterator[tuple[int, Event]]:
        """Yield (tick, event), ascending, one at a time, because a list may take much memory."""
        return _Reader(self.content).events()


def is_recorded(path: str | Path) -> bool:
    """Whether a file begins like the recorder's files; False if it cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False  # opening a pipe could block for ever
        with open(path, "rb") as stream:
            return SIGNATURE in stream.read(_FIRST_BYTES)[_TRACK_AT:]
    except (OSError, ValueError):
        return False


def read_recorded(path: str | Path) -> RecordedMidi:
    """Read a recorded MIDI file, even a truncated one; UserError if it is damaged, or not from the recorder."""
    content = read_bounded_file(path, "a recorded MIDI file", LARGEST_BYTES)
    reader = _Reader(content)
    try:
        for _ in reader.events():
            pass
        if reader.head is None:
            raise ValueError("it does not say what was played")
        return RecordedMidi(reader.head, content, reader.n_ticks)
    except (ValueError, LookupError, TypeError, RecursionError, msgspec.MsgspecError) as error:
        remedy = "use the file as it was recorded"
        raise UserError(path, f"a damaged recording ({error})", "a whole one", remedy) from None


class _Bytes:
    """Reads the bytes of the track one after another; EOFError if too few are left."""

    def __init__(self, content: bytes):
        self._content, self._at = content, _TRACK_AT

    def take(self, n_bytes: int) -> bytes:
        end = self._at + n_bytes
        if end > len(self._content):
            raise EOFError
        taken, self._at = self._content[self._at : end], end
        return taken

    def number(self) -> int:
        value = 0
        for _ in range(4):
            byte = self.take(1)[0]
            value = value << 7 | byte & 127
            if byte < 128:
                return value
        raise ValueError("a number without an end")


class _Reader:
    def __init__(self, content: bytes):
        self._content = content
        self.head: dict[str, Any] | None = None
        self.n_ticks = 0

    def events(self) -> Iterator[tuple[int, Event]]:
        """Yield (tick, event), ascending; ValueError or LookupError for a damaged track."""
        track, tick, device, n_events = _Bytes(self._content), 0, 0, 0
        try:
            while True:
                delta, status = track.number(), track.take(1)[0]
                if status != META:
                    event = _short_event(track, status, device)
                else:
                    kind = track.take(1)[0]
                    said = track.take(track.number())
                    event = self._long_event(kind, said)
                    device = said[0] if kind == PORT and said else device
                tick += delta
                self.n_ticks = tick
                if event is not None:
                    n_events += 1
                    if n_events > MOST_EVENTS:
                        raise ValueError(f"more than {MOST_EVENTS:,} events")
                    yield tick, event
                elif status == META and kind == _END_KIND:
                    break
        except EOFError:
            pass  # the writer was killed between two writes: the events up to here are complete

    def _long_event(self, kind: int, said: bytes) -> Event | None:
        if kind != SPECIFIC or not said.startswith(SIGNATURE):
            return None
        if len(said) > LARGEST_EVENT_BYTES:
            raise ValueError(f"an event of {len(said):,} bytes")
        if said.startswith(SIGNATURE + HEAD):
            self.head = self.head or _head(said[len(SIGNATURE + HEAD) :])
        elif said.startswith(SIGNATURE + EVENT):
            return event_of(msgspec.json.decode(said[len(SIGNATURE + EVENT) :]))
        return None


def _short_event(track: _Bytes, status: int, device: int) -> Event:
    if not 0x80 <= status <= 0xEF:
        raise ValueError(f"the byte {status:#x} where a message begins")
    data = track.take(1 if status >> 4 in (0xC, 0xD) else 2)
    if max(data) > 127:
        raise ValueError("a message with a value above 127")
    return event_of_midi(status, data, device)


def _head(said: bytes) -> dict[str, Any]:
    if said[:4] != zlib.crc32(said[4:]).to_bytes(4, "big"):
        raise ValueError("the sum of its head is wrong")
    return msgspec.json.decode(said[4:], type=dict[str, Any])
