"""Reads the MIDI files that the recorder writes, exactly: ticks stay whole numbers."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.events import Event
from runtime.midi.recorded.events import event_of, event_of_midi
from runtime.midi.recorded.writing import EVENT, HEAD, META, PORT, SIGNATURE, SPECIFIC

LARGEST_BYTES = 256 * 2**20
_FIRST_BYTES = 64
_TRACK_AT = 22  # after the file's header and the track's


class RecordedMidi(NamedTuple):
    """A recorded MIDI file.

    head: what the recorder said of the engine. events: (tick, event), ascending. n_ticks: length.
    """

    head: dict[str, Any]
    events: list[tuple[int, Event]]
    n_ticks: int


def is_recorded(path: str | Path) -> bool:
    """Whether a file begins as those of the recorder do; False also for one that cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False  # to open a pipe could take for ever
        with open(path, "rb") as stream:
            return SIGNATURE in stream.read(_FIRST_BYTES)[_TRACK_AT:]
    except (OSError, ValueError):
        return False


def read_recorded(path: str | Path) -> RecordedMidi:
    """Read a recorded MIDI file; UserError if it is none, or damaged. A file that was cut short is read to its end."""
    content = read_bounded_file(path, "a recorded MIDI file", LARGEST_BYTES)
    try:
        return _read(content)
    except (ValueError, IndexError, LookupError, msgspec.MsgspecError) as error:
        remedy = "use the file as it was recorded"
        raise UserError(path, f"a damaged recording ({error})", "a whole one", remedy) from None


class _Bytes:
    """The track's bytes, taken one after the other; EOFError where they end."""

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


def _read(content: bytes) -> RecordedMidi:
    track, tick, device = _Bytes(content), 0, 0
    head: dict[str, Any] | None = None
    events: list[tuple[int, Event]] = []
    try:
        while True:
            delta, status = track.number(), track.take(1)[0]
            if status != META:
                if not 0x80 <= status <= 0xEF:
                    raise ValueError(f"the byte {status:#x} where a message begins")
                data = track.take(1 if status >> 4 in (0xC, 0xD) else 2)
                if max(data) > 127:
                    raise ValueError("a message with a value above 127")
                tick += delta
                events.append((tick, event_of_midi(status, data, device)))
                continue
            kind = track.take(1)[0]
            said = track.take(track.number())
            tick += delta
            if kind == 0x2F:
                break
            if kind == PORT and said:
                device = said[0]
            elif kind == SPECIFIC and said.startswith(SIGNATURE + HEAD):
                head = head or _head(said[len(SIGNATURE + HEAD) :])
            elif kind == SPECIFIC and said.startswith(SIGNATURE + EVENT):
                events.append((tick, event_of(msgspec.json.decode(said[len(SIGNATURE + EVENT) :]))))
    except EOFError:
        pass  # the writer was killed between two writes: what came before is whole
    if head is None:
        raise ValueError("it does not say what was played")
    return RecordedMidi(head, events, tick)


def _head(said: bytes) -> dict[str, Any]:
    if said[:4] != zlib.crc32(said[4:]).to_bytes(4, "big"):
        raise ValueError("the sum of its head is wrong")
    return msgspec.json.decode(said[4:], type=dict[str, Any])
