"""A ring buffer with the last seconds of the output, in memory that another process reads.

A few numbers stand in front of the ring. They show which frames it holds. RingReader reads the numbers before and after
it copies sound, so it knows which of the copied frames were overwritten meanwhile.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import NamedTuple

import numpy as np

LEAST_S = 20.0  # least length of the ring in s, so that a recording can include sound from before its start
_LEAST_FRAMES = 2**20  # 8 MiB: 23 s at 44.1 kHz, 21 s at 48 kHz
_N_NUMBERS = 8  # int64 numbers in front of the sound
# Indices of the numbers:
# _WRITING_TO: the frames from _END to here may be half written.
# _END: the frame after the newest complete one.
# _GENERATION: how often the frame numbers have jumped. They jump when a new engine begins.
# _BEGIN: the first frame since the newest jump.
_WRITING_TO, _END, _GENERATION, _BEGIN = range(4)
_BYTES_A_FRAME = 8


def ring_frames(sample_rate_hz: int) -> int:
    """The length of a ring in frames: a power of two, at least LEAST_S seconds."""
    n_frames = _LEAST_FRAMES
    while n_frames < LEAST_S * sample_rate_hz:
        n_frames *= 2
    return n_frames


def _make_memory(n_bytes: int) -> int:
    """Make new memory without a file name; return its file descriptor."""
    try:
        descriptor = os.memfd_create("timbrebox-sound", os.MFD_CLOEXEC)
    except (AttributeError, OSError):  # not available on this system, or forbidden for this service
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, n_bytes)
    return descriptor


class _Memory:
    """The ring's numbers, int64 (8,), and its sound, float32 (n_frames, 2)."""

    def __init__(self, descriptor: int, writable: bool):
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        content = mmap.mmap(descriptor, 0, access=access)
        self.numbers = np.frombuffer(content, np.int64, _N_NUMBERS)
        self.sound = np.frombuffer(content, np.float32, offset=8 * _N_NUMBERS).reshape(-1, 2)


class SoundRing:
    """The writer of a ring, for the audio thread.

    descriptor: the file descriptor to pass to the reader's process.
    n_frames: length of the ring.
    """

    def __init__(self, n_frames: int):
        self.descriptor = _make_memory(8 * _N_NUMBERS + _BYTES_A_FRAME * n_frames)
        self.n_frames = n_frames
        memory = _Memory(self.descriptor, writable=True)
        self._numbers, self._sound = memory.numbers, memory.sound
        self._sound.fill(0.0)  # allocate the memory's pages now, not on the audio thread
        self._end = -1

    @property
    def generation(self) -> int:
        """How often the frame numbers have jumped. They jump when a new engine begins."""
        return int(self._numbers[_GENERATION])

    def write(self, frame: int, block: np.ndarray) -> None:
        """Copy a block into the ring.

        frame: number of the block's first frame.
        block: float32 (n, 2), with n at most n_frames.
        """
        n, end = len(block), frame + len(block)
        numbers, at = self._numbers, frame % self.n_frames
        if frame != self._end:
            numbers[_END] = numbers[_BEGIN] = frame
            numbers[_GENERATION] += 1
        numbers[_WRITING_TO] = end
        room = self.n_frames - at
        if n <= room:
            self._sound[at : at + n] = block
        else:
            self._sound[at:], self._sound[: n - room] = block[:room], block[room:]
        numbers[_END] = self._end = end

    def close(self) -> None:
        """Close the descriptor; the memory remains while a process uses it."""
        os.close(self.descriptor)


class Stretch(NamedTuple):
    """Frames read from a ring.

    first: number of the first frame in `sound`.
    sound: float32 (n, 2).
    """

    first: int
    sound: np.ndarray

    @property
    def end(self) -> int:
        """The number of the frame that follows `sound`."""
        return self.first + len(self.sound)


class RingReader:
    """The reader of a ring, in another process.

    descriptor: from SoundRing; you may close it after the call.
    """

    def __init__(self, descriptor: int):
        memory = _Memory(descriptor, writable=False)
        self._numbers, self._sound = memory.numbers, memory.sound
        self.n_frames = len(self._sound)

    @property
    def generation(self) -> int:
        return int(self._numbers[_GENERATION])

    @property
    def end(self) -> int:
        """The frame after the newest complete one."""
        return int(self._numbers[_END])

    @property
    def begin(self) -> int:
        """The first frame that the ring still holds."""
        return max(int(self._numbers[_BEGIN]), int(self._numbers[_WRITING_TO]) - self.n_frames)

    def read(self, frame: int, end: int) -> Stretch:
        """The frames from `frame` to `end` that are not overwritten yet.

        end: at most the present value of the property `end`.
        """
        first = max(frame, min(self.begin, end))
        at, n = first % self.n_frames, end - first
        room = self.n_frames - at
        sound = np.concatenate((self._sound[at : at + n], self._sound[: max(0, n - room)]))
        n_lost = max(0, min(self.begin, end) - first)  # frames overwritten while they were copied
        return Stretch(first + n_lost, sound[n_lost:])


class RecentSound:
    """Reads the newest frames for display.

    The memory is read and not mapped, because mapped memory would count as memory of the reader's process.

    descriptor: from SoundRing; it must stay open.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._n_frames = (os.fstat(descriptor).st_size - 8 * _N_NUMBERS) // _BYTES_A_FRAME

    def read(self, n_frames: int) -> np.ndarray:
        """The newest n_frames frames, float32 (n_frames, 2); frames before the first block are 0."""
        end = int(np.frombuffer(os.pread(self._descriptor, 8 * _N_NUMBERS, 0), np.int64)[_END])
        at = (end - n_frames) % self._n_frames
        n_first = min(n_frames, self._n_frames - at)
        content = self._bytes(at, n_first) + self._bytes(0, n_frames - n_first)
        return np.frombuffer(content, np.float32).reshape(-1, 2)

    def _bytes(self, frame: int, n_frames: int) -> bytes:
        return os.pread(self._descriptor, _BYTES_A_FRAME * n_frames, 8 * _N_NUMBERS + _BYTES_A_FRAME * frame)
