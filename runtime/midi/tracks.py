"""Reads the messages of all tracks of a Standard MIDI File. Source: Standard MIDI Files 1.0."""

from __future__ import annotations

from operator import itemgetter

from runtime.events import ActiveSensing, Clock, ClockContinue, ClockStart, ClockStop, Event
from runtime.midi.recorded.events import event_of_midi

# (tick, message). Most messages are events. For a change of tempo, the message is a number: the microseconds per beat
# from then on. For an ignored message, it is None.
Timed = tuple[int, Event | int | None]

_HEADER_BYTES, _CHUNK_HEADER_BYTES = 14, 8
_META, _SYSEX, _SYSEX_MORE, _TEMPO, _END = 0xFF, 0xF0, 0xF7, 0x51, 0x2F
_SIMPLE = {0xF8: Clock, 0xFA: ClockStart, 0xFB: ClockContinue, 0xFC: ClockStop, 0xFE: ActiveSensing}
_PASSED_OVER = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}  # number of data bytes of these ignored messages


def read_tracks(content: bytes) -> tuple[int, list[Timed]]:
    """The ticks per beat, and all messages, ordered by tick, then by track.

    ValueError if the content is damaged, or if it is no Standard MIDI File of type 0 or 1 with times in ticks per beat.
    EOFError if the content is truncated.
    """
    if content[:4] != b"MThd":
        raise ValueError("it does not begin as one")
    if len(content) < _HEADER_BYTES:
        raise EOFError
    size = int.from_bytes(content[4:8], "big")
    kind, n_tracks, division = (int.from_bytes(content[first : first + 2], "big") for first in (8, 10, 12))
    if size < 6:
        raise ValueError("a header that is too short")
    if kind > 1:
        raise ValueError(f"type {kind}, whose tracks are pieces of their own")
    if division >= 0x8000:
        raise ValueError("times in frames of film, which have no tempo")
    if not division:
        raise ValueError("no ticks in a beat")
    timed: list[Timed] = []
    at, n_read = _CHUNK_HEADER_BYTES + size, 0
    while n_read < n_tracks:
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "big")
        at += _CHUNK_HEADER_BYTES
        if at + size > len(content):
            raise EOFError
        if name == b"MTrk":
            _Track(content[at : at + size]).read(timed)
            n_read += 1
        at += size
    timed.sort(key=itemgetter(0))
    return division, timed


class _Track:
    def __init__(self, content: bytes):
        self._content, self._at = content, 0

    def read(self, timed: list[Timed]) -> None:
        content, tick, running = self._content, 0, 0
        while self._at < len(content):
            tick += self._number()
            status = self._taken(1)[0]
            if status < 0x80:
                if not running:
                    raise ValueError(f"the byte {status:#x} where a message begins")
                self._at -= 1
                status = running
            if status < 0xF0:
                running = status
                timed.append((tick, event_of_midi(status, self._data(1 if 0xC0 <= status < 0xE0 else 2), 0)))
            elif status == _META:
                kind = self._taken(1)[0]
                said = self._taken(self._number())
                if kind == _TEMPO and len(said) != 3:
                    raise ValueError(f"a tempo of {len(said)} bytes")
                if kind != _END:
                    timed.append((tick, int.from_bytes(said, "big") if kind == _TEMPO else None))
            elif status in (_SYSEX, _SYSEX_MORE):
                self._taken(self._number())
                timed.append((tick, None))
            elif status in _SIMPLE:
                timed.append((tick, _SIMPLE[status]()))
            elif status in _PASSED_OVER:
                self._data(_PASSED_OVER[status])
                timed.append((tick, None))
            else:
                raise ValueError(f"the byte {status:#x} where a message begins")

    def _data(self, n_bytes: int) -> bytes:
        data = self._taken(n_bytes)
        if data and max(data) > 127:
            raise ValueError("a message with a value above 127")
        return data

    def _taken(self, n_bytes: int) -> bytes:
        self._at += n_bytes
        if self._at > len(self._content):
            raise EOFError
        return self._content[self._at - n_bytes : self._at]

    def _number(self) -> int:
        """A variable-length number: at most four bytes of seven bits."""
        value = 0
        for _ in range(4):
            byte = self._taken(1)[0]
            value = value << 7 | byte & 127
            if byte < 128:
                return value
        raise ValueError("a number without an end")
