"""Writes a growing MIDI file with one tick per frame; after every append the file is complete."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from runtime.events import Event
from runtime.midi.recorded.events import midi_bytes, plain
from runtime.midi.recorded.ticks import LONGEST_DELTA, Ticks

# Each of our sequencer-specific events begins with the manufacturer ID for non-commercial use, 0x7D, and our name.
SIGNATURE = b"\x7dtimbrebox"
HEAD, EVENT = b"h", b"e"
META, SPECIFIC, TEXT, PORT, TEMPO, END = 0xFF, 0x7F, 0x01, 0x21, 0x51, b"\xff\x2f\x00"
_HEADER_BYTES, _TRACK_HEADER_BYTES = 14, 8
_LARGEST_TRACK = 2**31  # in bytes; the format's limit is twice as large


class RecordedMidiWriter:
    """A MIDI file that grows during a recording; its only track keeps the order of simultaneous events.

    ticks: the file's division and tempo.
    head: plain values that say what is played.
    OSError if the file cannot be created or written. After a failed write, `finish` still leaves a complete file with
    everything written before.
    """

    def __init__(self, path: Path, ticks: Ticks, head: dict[str, Any]):
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._tick, self._device, self._end = 0, 0, 0
        content = msgspec.json.encode(head)
        checked = SIGNATURE + HEAD + zlib.crc32(content).to_bytes(4, "big") + content
        first = _meta(0, SPECIFIC, checked) + _meta(0, TEMPO, ticks.tempo_us.to_bytes(3, "big"))
        header = b"MThd" + (6).to_bytes(4, "big") + b"".join(n.to_bytes(2, "big") for n in (0, 1, ticks.division))
        _write(self._file, header, 0)
        self._end = _HEADER_BYTES + _TRACK_HEADER_BYTES
        self._append(first)

    def add(self, timed: Iterable[tuple[int, Event]], now: int) -> None:
        """Append events. The file then lasts at least until the tick `now`.

        timed: pairs (tick, event), by ascending tick.
        """
        tick, device = self._tick, self._device
        parts = []
        for at, event in timed:
            delta, tick = max(0, at - tick), max(tick, at)
            code, given = midi_bytes(event), getattr(event, "device", 0)
            if code is not None and given != device and 0 <= given <= 255:
                parts.append(_meta(delta, PORT, bytes([given])))
                delta, device = 0, given
            if code is not None and given == device:
                parts += [_delta(delta), code]
            else:
                parts.append(_meta(delta, SPECIFIC, SIGNATURE + EVENT + msgspec.json.encode(plain(event))))
        self._append(b"".join(parts), max(0, now - tick))
        self._tick, self._device = tick, device

    def finish(self, end: int) -> None:
        """Extend the file to the tick `end` if the disk has room, then close the file."""
        try:
            with suppress(OSError):
                self._append(b"", max(0, end - self._tick))
            with suppress(OSError):
                os.fsync(self._file)
        finally:
            os.close(self._file)

    def _append(self, content: bytes, rest: int = 0) -> None:
        """Write content, then a new end mark, over the old end mark.

        rest: ticks from the last event to the new end.
        """
        end = _delta(rest) + END
        track_bytes = self._end - _HEADER_BYTES - _TRACK_HEADER_BYTES + len(content) + len(end)
        if track_bytes > _LARGEST_TRACK:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        try:
            _write(self._file, content + end, self._end)
            _write(self._file, b"MTrk" + track_bytes.to_bytes(4, "big"), _HEADER_BYTES)
        except OSError:
            self._restore_end()
            raise
        self._end += len(content)
        with suppress(OSError):
            os.ftruncate(self._file, self._end + len(end))

    def _restore_end(self) -> None:
        """Write the end mark again where it was; this works on a full disk, too, as the file does not grow."""
        end = _delta(0) + END
        with suppress(OSError):
            _write(self._file, end, self._end)
            track_bytes = self._end - _HEADER_BYTES - _TRACK_HEADER_BYTES + len(end)
            _write(self._file, b"MTrk" + track_bytes.to_bytes(4, "big"), _HEADER_BYTES)
            os.ftruncate(self._file, self._end + len(end))


def _write(file: int, content: bytes, at: int) -> None:
    while content:
        n_written = os.pwrite(file, content, at)
        content, at = content[n_written:], at + n_written


def _number(value: int) -> bytes:
    """A number as in MIDI files: seven bits a byte, the highest first. In all bytes but the last, the top bit is 1."""
    code = [value & 127]
    while value := value >> 7:
        code.append(value & 127 | 128)
    return bytes(reversed(code))


def _delta(n_ticks: int) -> bytes:
    """The time before an event, as bytes. If it exceeds LONGEST_DELTA, empty text events divide it."""
    gaps = b""
    while n_ticks > LONGEST_DELTA:
        gaps += _number(LONGEST_DELTA) + bytes([META, TEXT, 0])
        n_ticks -= LONGEST_DELTA
    return gaps + _number(n_ticks)


def _meta(delta: int, kind: int, content: bytes) -> bytes:
    return _delta(delta) + bytes([META, kind]) + _number(len(content)) + content
