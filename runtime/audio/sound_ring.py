"""The last seconds of what is played, in memory that another process reads.

The audio thread copies each block into a ring and never waits. The reader looks at the numbers in front of the ring
before and after it copies: so it knows which frames may have been overwritten meanwhile.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import NamedTuple

import numpy as np

LEAST_S = 20.0
MOST_BEFORE_S = 15.0  # how much of what was played before can be recorded: less, as time passes until it is read
_LEAST_FRAMES = 2**20  # 8 MiB: 23 s at 44.1 kHz, 21 s at 48 kHz
_N_NUMBERS = 8  # int64 numbers in front of the sound
# Which they are: the frame up to which frames may be changing, the frame up to which they are complete, how often an
# engine's frames began anew, and the first frame since then.
_WRITING_TO, _END, _GENERATION, _BEGIN = range(4)
_BYTES_A_FRAME = 8


def ring_frames(sample_rate_hz: int) -> int:
    """Frames of a ring for a sample rate: a power of two, at least LEAST_S."""
    n_frames = _LEAST_FRAMES
    while n_frames < LEAST_S * sample_rate_hz:
        n_frames *= 2
    return n_frames


def _make_memory(n_bytes: int) -> int:
    """A descriptor of new memory that has no name, so that nothing is left when the processes have ended."""
    try:
        descriptor = os.memfd_create("timbrebox-sound", os.MFD_CLOEXEC)
    except (AttributeError, OSError):  # not on this system, or not for this service
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
    """The writer's side, for the audio thread; descriptor: give it to the reader's process.

    n_frames: length of the ring.
    """

    def __init__(self, n_frames: int):
        self.descriptor = _make_memory(8 * _N_NUMBERS + _BYTES_A_FRAME * n_frames)
        self.n_frames = n_frames
        memory = _Memory(self.descriptor, writable=True)
        self._numbers, self._sound = memory.numbers, memory.sound
        self._sound.fill(0.0)  # get the memory's pages now, not on the audio thread
        self._end = -1

    @property
    def generation(self) -> int:
        """How often the frames began anew: with each engine."""
        return int(self._numbers[_GENERATION])

    def write(self, frame: int, block: np.ndarray) -> None:
        """Copy a block, float32 (n, 2), that begins with `frame`; at most n_frames long."""
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
        """Close the descriptor; the memory lives as long as a process uses it."""
        os.close(self.descriptor)


class Stretch(NamedTuple):
    """Frames that were read.

    first: the first one that could be read; sound: float32 (n, 2).
    """

    first: int
    sound: np.ndarray

    @property
    def end(self) -> int:
        """One more than the last frame."""
        return self.first + len(self.sound)


class RingReader:
    """The reader's side, in another process. descriptor: of the writer's ring; it may be closed afterwards."""

    def __init__(self, descriptor: int):
        memory = _Memory(descriptor, writable=False)
        self._numbers, self._sound = memory.numbers, memory.sound
        self.n_frames = len(self._sound)

    @property
    def generation(self) -> int:
        """As in SoundRing."""
        return int(self._numbers[_GENERATION])

    @property
    def end(self) -> int:
        """One more than the last complete frame."""
        return int(self._numbers[_END])

    @property
    def begin(self) -> int:
        """The first frame that the ring still holds."""
        return max(int(self._numbers[_BEGIN]), int(self._numbers[_WRITING_TO]) - self.n_frames)

    def read(self, frame: int, end: int) -> Stretch:
        """The frames from `frame` up to `end`, which must be complete; without those that are lost at the beginning."""
        first = max(frame, min(self.begin, end))
        at, n = first % self.n_frames, end - first
        room = self.n_frames - at
        sound = np.concatenate((self._sound[at : at + n], self._sound[: max(0, n - room)]))
        n_lost = max(0, min(self.begin, end) - first)  # overwritten while they were copied
        return Stretch(first + n_lost, sound[n_lost:])


class RecentSound:
    """Copies the newest frames for a picture, without a map of the ring: its pages do not count as the reader's memory.

    descriptor: of the writer's ring, which stays open.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._n_frames = (os.fstat(descriptor).st_size - 8 * _N_NUMBERS) // _BYTES_A_FRAME

    def read(self, n_frames: int) -> np.ndarray:
        """The newest n_frames, float32 (n_frames, 2); 0 where there are none yet."""
        end = int(np.frombuffer(os.pread(self._descriptor, 8 * _N_NUMBERS, 0), np.int64)[_END])
        at = (end - n_frames) % self._n_frames
        n_first = min(n_frames, self._n_frames - at)
        content = self._bytes(at, n_first) + self._bytes(0, n_frames - n_first)
        return np.frombuffer(content, np.float32).reshape(-1, 2)

    def _bytes(self, frame: int, n_frames: int) -> bytes:
        return os.pread(self._descriptor, _BYTES_A_FRAME * n_frames, 8 * _N_NUMBERS + _BYTES_A_FRAME * frame)
