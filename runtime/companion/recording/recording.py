"""One recording: sound files and a MIDI file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from runtime.audio.sound_ring import RingReader
from runtime.companion.recording.places import MIDI, free_stem, growing, hold, settle
from runtime.companion.recording.sound_files import FlacFile, SoundFile, WavFile
from runtime.events import Event
from runtime.midi.recorded.ticks import one_tick_a_frame
from runtime.midi.recorded.writing import RecordedMidiWriter

SoundFormat = Literal["wav", "flac"]
_CHUNK_FRAMES = 2**14


class Order(msgspec.Struct, frozen=True):
    """What to record.

    generation: the ring's generation at the recording's start. If it changes, the recording ends.
    first: the recording's first frame.
    name: part of the files' names.
    head: what the MIDI file states at its beginning.
    most_frames: the most frames in one WAV file; None for the format's own limit.
    """

    generation: int
    first: int
    sample_rate_hz: int
    format: SoundFormat
    bits: Literal[16, 24]
    name: str
    head: dict[str, Any]
    most_frames: int | None = None


class Recording:
    """A recording that grows with each call of `work`; OSError if a file cannot be made.

    files: the paths of all its files; the first sound file comes first.
    n_frames: frames written so far.
    n_lost: how many of the written frames are silent, because the ring no longer held their sound.
    problem: why the recording ended by itself, or None.
    """

    def __init__(self, ring: RingReader, order: Order, folder: Path):
        self._ring, self._order, self._folder = ring, order, folder
        self._stem = free_stem(folder, order.name)
        self._at, self._seen_end = order.first, order.first
        self._waiting: list[tuple[int, Event]] = []
        self.n_frames = self.n_lost = self._n_files = 0
        self.problem: str | None = None
        self.files: list[Path] = []
        self._held: list[int] = []
        self._sound = self._next_sound()
        ticks = one_tick_a_frame(order.sample_rate_hz)
        self._midi = ticks and RecordedMidiWriter(self._grows(self._stem, MIDI), ticks, order.head)
        self._hold_last()

    def add(self, timed: list[tuple[int, Event]]) -> None:
        """Add events, each as (frame, event), in order of time; later calls must not add earlier events."""
        self._waiting += timed

    def work(self, stop_at: int | None = None) -> bool:
        """Write new sound and events; False if the recording ended by itself (see `problem`).

        stop_at: the frame at which the recording ends. If it is None, `work` writes only what the ring had at the
            previous call.
        """
        if self._ring.generation != self._order.generation:
            self.problem = "the sound card has another sample rate now"
            return False
        # Write only up to the end that the previous call read. Another process writes the ring, and this one may
        # see the new end before it sees the new samples.
        end, self._seen_end = self._seen_end, self._ring.end
        if stop_at is not None:
            end = min(stop_at, self._seen_end)
        try:
            while self._at < end:
                self._take(min(end, self._at + _CHUNK_FRAMES))
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            self.problem = "the disk is full" if is_full else error.strerror or str(error)
            return False
        return True

    def finish(self) -> None:
        """Close the files and give them their final names."""
        self._sound.finish()
        # Take the number of frames from the file: if a write to a full disk has failed, `n_frames` may be too high or
        # too low.
        self.n_frames = self._before_this_file + self._sound.n_frames
        if self._midi is not None:
            self._midi.finish(self.n_frames)
        self.files = [settle(path) for path in self.files]
        for descriptor in self._held:
            os.close(descriptor)

    def _take(self, end: int) -> None:
        self._write_events(end)
        stretch = self._ring.read(self._at, end)
        n_lost = stretch.first - self._at
        if n_lost:
            self.n_lost += n_lost
            self._add_sound(np.zeros((n_lost, 2), np.float32))
        self._add_sound(stretch.sound)

    def _add_sound(self, block: np.ndarray) -> None:
        while len(block):
            most = self._sound.n_most
            room = len(block) if most is None else most - self._sound.n_frames
            if room <= 0:
                self._change_file()
                continue
            part, block = block[:room], block[room:]
            self._sound.add(part)
            self._at += len(part)
            self.n_frames += len(part)

    def _change_file(self) -> None:
        """Go on in a new sound file, because the present one is full."""
        full, self._sound = self._sound, self._next_sound()
        full.finish()
        self._hold_last()

    def _next_sound(self) -> SoundFile:
        order = self._order
        self._n_files += 1
        self._before_this_file = self.n_frames
        stem = self._stem if self._n_files == 1 else f"{self._stem}-{self._n_files}"
        path = self._grows(stem, f".{order.format}")
        if order.format == "flac":
            return FlacFile(path, order.sample_rate_hz, order.bits)
        return WavFile(path, order.sample_rate_hz, order.bits, order.most_frames)

    def _write_events(self, end: int) -> None:
        """Write the events before `end`; call this before the sound up to `end` is written."""
        n_due = next((n for n, (frame, _) in enumerate(self._waiting) if frame >= end), len(self._waiting))
        due, self._waiting = self._waiting[:n_due], self._waiting[n_due:]
        if self._midi is not None:
            first = self._order.first
            self._midi.add([(max(0, frame - first), event) for frame, event in due], end - first)

    def _grows(self, stem: str, suffix: str) -> Path:
        path = growing(self._folder, stem, suffix)
        self.files.append(path)
        return path

    def _hold_last(self) -> None:
        self._held += [hold(path) for path in self.files[len(self._held) :]]
