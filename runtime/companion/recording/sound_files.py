"""Growing sound files: after every `add`, the file on the disk can be read."""

from __future__ import annotations

import errno
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np

_WAV_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM = 1
# A WAV file states the number of its bytes in 32 bits.
_LARGEST_WAV_BYTES = 2**32 - 1
# The first bytes of three fields in a FLAC file: the block size, 8 bytes whose last 36 bits are the number of frames,
# and the MD5 sum. Source: RFC 9639, section 8.2.
_BLOCK_SIZE_AT, _LENGTH_AT, _SUM_AT = 8, 18, 26
_LENGTH_BITS = 36


class SoundFile(Protocol):
    """A growing sound file.

    n_frames: frames added so far; after `finish`, frames in the file.
    n_most: frames that the file can hold, or None for no limit.
    """

    n_frames: int
    n_most: int | None

    def add(self, block: np.ndarray) -> None:
        """Append sound with full scale 1, float32 (n, 2).

        OSError if the disk is full. After this error, call only `finish`.
        """

    def finish(self) -> None:
        """Close the file, which can be read even after an OSError in `add`."""


def whole_numbers(block: np.ndarray, bits: int) -> np.ndarray:
    """Convert sound with full scale 1 to whole numbers of `bits` bits, int32; samples beyond 1 are clipped."""
    scaled = np.rint(block * np.float32(2 ** (bits - 1) - 1))
    return np.clip(scaled, -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1).astype(np.int32)


class WavFile:
    """A WAV file of 16 or 24 bits, stereo; OSError if it cannot be made.

    n_most: the most frames that the file may hold; None for the format's limit. Only tests lower the limit.
    """

    def __init__(self, path: Path, sample_rate_hz: int, bits: int = 16, n_most: int | None = None):
        self._rate_hz, self._bits, self._frame_bytes = sample_rate_hz, bits, bits // 4
        most = (_LARGEST_WAV_BYTES - _WAV_HEADER.size) // self._frame_bytes
        self.n_frames, self.n_most = 0, most if n_most is None else min(most, n_most)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._write_header()

    def add(self, block: np.ndarray) -> None:
        """As in SoundFile."""
        numbers = whole_numbers(block, self._bits).astype("<i4")
        if self._bits == 16:
            content = numbers.astype("<i2").tobytes()
        else:
            content = numbers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        at = _WAV_HEADER.size + self.n_frames * self._frame_bytes
        _write_all(self._file, content, at)  # if only a part of the block is written, `finish` cuts it off
        self.n_frames += len(block)
        self._write_header()

    def finish(self) -> None:
        """As in SoundFile."""
        try:
            with suppress(OSError):
                os.ftruncate(self._file, _WAV_HEADER.size + self.n_frames * self._frame_bytes)
                self._write_header()
                os.fsync(self._file)
        finally:
            os.close(self._file)

    def _write_header(self) -> None:
        _write_all(self._file, _wav_header(self._rate_hz, self._bits, self.n_frames * self._frame_bytes), 0)


class FlacFile:
    """A FLAC file of 16 or 24 bits, stereo; OSError if it cannot be made."""

    n_most = None

    def __init__(self, path: Path, sample_rate_hz: int, bits: int = 16):
        import soundfile  # not at the top, because recording WAV does not need it

        self.n_frames, self._bits = 0, bits
        self._errors = (soundfile.SoundFileError, AssertionError, OSError)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            self._encoder = soundfile.SoundFile(path, "w", sample_rate_hz, 2, f"PCM_{bits}", format="FLAC")
        except soundfile.SoundFileError as error:
            os.close(self._file)
            raise OSError(errno.EIO, str(error)) from None
        self._size, self._failed = os.fstat(self._file).st_size, False

    def add(self, block: np.ndarray) -> None:
        """As in SoundFile. The encoder holds back the last frames, at most 4,096, until more frames arrive."""
        numbers = whole_numbers(block, self._bits)
        try:
            self._encoder.write(numbers.astype(np.int16) if self._bits == 16 else numbers << 8)
            if self._encoder.frames != self.n_frames + len(block):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except self._errors:
            self._failed = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        self.n_frames += len(block)
        self._size = os.fstat(self._file).st_size
        self._say_length(self._n_encoded())

    def finish(self) -> None:
        """As in SoundFile."""
        n_encoded = self._n_encoded()
        try:
            with suppress(*self._errors):
                self._encoder.close()
            if self._failed or not self._is_complete():
                self._cut(n_encoded)
            with suppress(OSError):
                os.fsync(self._file)
        finally:
            os.close(self._file)

    def _is_complete(self) -> bool:
        return int.from_bytes(os.pread(self._file, 8, _LENGTH_AT), "big") % 2**_LENGTH_BITS == self.n_frames

    def _cut(self, n_encoded: int) -> None:
        """Cut the file back to its state after the latest `add` that succeeded."""
        with suppress(OSError):
            os.ftruncate(self._file, self._size)
            self._say_length(n_encoded)
            # Zeros mean that there is no MD5 sum. The encoder's sum would be wrong: it includes the removed frames.
            _write_all(self._file, bytes(16), _SUM_AT)
        self.n_frames = n_encoded

    def _n_encoded(self) -> int:
        """Frames that the encoder has written. It writes a FLAC block when the first frame after this block arrives."""
        block_frames = int.from_bytes(os.pread(self._file, 2, _BLOCK_SIZE_AT), "big") or 1
        return max(0, self.n_frames - 1) // block_frames * block_frames

    def _say_length(self, n_frames: int) -> None:
        said = int.from_bytes(os.pread(self._file, 8, _LENGTH_AT), "big")
        said = said >> _LENGTH_BITS << _LENGTH_BITS | n_frames
        with suppress(OSError):
            _write_all(self._file, said.to_bytes(8, "big"), _LENGTH_AT)


def mend_wav(path: Path) -> None:
    """Correct the length in a WAV header after the writer was killed; OSError if the file cannot be written."""
    with open(path, "r+b") as stream:
        header = stream.read(_WAV_HEADER.size)
        if len(header) < _WAV_HEADER.size:
            return
        said = _WAV_HEADER.unpack(header)
        rate_hz, bits = said[7], said[10]
        frame_bytes = bits // 4
        if said[0] != b"RIFF" or frame_bytes not in (4, 6):
            return
        n_bytes = (os.fstat(stream.fileno()).st_size - _WAV_HEADER.size) // frame_bytes * frame_bytes
        stream.truncate(_WAV_HEADER.size + n_bytes)
        stream.seek(0)
        stream.write(_wav_header(rate_hz, bits, n_bytes))


def _wav_header(rate_hz: int, bits: int, n_bytes: int) -> bytes:
    frame_bytes, rest = bits // 4, _WAV_HEADER.size - 8
    return _WAV_HEADER.pack(
        b"RIFF", rest + n_bytes, b"WAVE", b"fmt ", 16, _PCM, 2, rate_hz, rate_hz * frame_bytes, frame_bytes, bits,
        b"data", n_bytes,
    )  # fmt: skip


def _write_all(file: int, content: bytes, at: int) -> None:
    while content:
        n_written = os.pwrite(file, content, at)
        content, at = content[n_written:], at + n_written
