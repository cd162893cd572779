"""Another process reads the played sound from a ring, and knows which frames are lost."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from runtime.audio.block_renderer import BlockRenderer
from runtime.audio.sound_ring import LEAST_S, RingReader, SoundRing, ring_frames
from runtime.link.recording import MOST_BEFORE_S
from tests.support.allocations import recorded_arrays
from tests.support.places import ROOT

# Each frame has its number on the left, and minus this number on the right. In a half-overwritten frame, left and right
# do not match.
READER = """
import sys, time
import numpy as np
from runtime.audio.sound_ring import RingReader
reader, at, n_read, n_lost = RingReader(int(sys.argv[1])), 0, 0, 0
print("ready", flush=True)
last = int(sys.argv[2])
while at < last:
    end = reader.end
    if end > at:
        stretch = reader.read(at, end)
        numbers = np.arange(stretch.first, stretch.end) % 65536
        assert (stretch.sound[:, 0] == numbers).all() and (stretch.sound[:, 1] == -numbers).all()
        n_lost += stretch.first - at
        n_read, at = n_read + len(stretch.sound), stretch.end
    time.sleep(float(sys.argv[3]))
print(n_read, n_lost, flush=True)
"""


class Numbers:
    def __init__(self) -> None:
        self.frame = 0

    def render(self, out: np.ndarray) -> None:
        numbers = np.arange(self.frame, self.frame + len(out)) % 65536
        out[:, 0], out[:, 1] = numbers, -numbers
        self.frame += len(out)


@pytest.mark.parametrize("pause_s", [0.0, 0.3])
def test_what_another_process_reads_is_exactly_what_was_written(pause_s: float) -> None:
    ring, n_blocks, size = SoundRing(2**16), 20000, 300
    last = n_blocks * size
    command = [sys.executable, "-c", READER, str(ring.descriptor), str(last), str(pause_s)]
    with subprocess.Popen(command, cwd=ROOT, pass_fds=[ring.descriptor], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        blocks = BlockRenderer(Numbers(), 44100, size, ring=ring)
        for number in range(n_blocks):
            blocks.next_block(size, False)
            if number % 20 == 0:
                time.sleep(0.001)
        n_read, n_lost = map(int, process.stdout.readline().split())
    assert process.returncode == 0
    assert n_read + n_lost == last
    assert n_read > 0
    assert n_lost > 0 or pause_s == 0.0


def test_a_reader_that_is_never_a_whole_ring_behind_loses_nothing() -> None:
    ring = SoundRing(2**12)
    reader, engine, at = RingReader(ring.descriptor), Numbers(), 0
    for size in [300, 64, 1024, 333] * 100:
        block = np.zeros((size, 2), np.float32)
        for _ in range(2):
            first = engine.frame
            engine.render(block)
            ring.write(first, block)
        stretch = reader.read(at, reader.end)
        assert stretch.first == at
        np.testing.assert_array_equal(stretch.sound[:, 0], np.arange(at, engine.frame) % 65536)
        at = stretch.end


def test_a_new_engine_begins_a_new_generation() -> None:
    ring = SoundRing(1000)
    reader = RingReader(ring.descriptor)
    block = np.ones((100, 2), np.float32)
    for frame in range(0, 500, 100):
        ring.write(frame, block)
    assert (reader.generation, reader.begin, reader.end) == (1, 0, 500)
    ring.write(0, block)
    assert (reader.generation, reader.begin, reader.end) == (2, 0, 100)
    for frame in range(100, 5050, 50):
        ring.write(frame, block[:50] * frame)
    stretch = reader.read(3000, 5050)
    assert (stretch.first, stretch.end) == (4050, 5050)
    assert stretch.sound[0, 0] == 4050
    assert stretch.sound[-1, 1] == 5000


def test_frames_that_change_while_they_are_copied_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    ring, engine, block = SoundRing(1000), Numbers(), np.zeros((100, 2), np.float32)
    reader, copy = RingReader(ring.descriptor), np.concatenate

    def play(n_blocks: int) -> None:
        for _ in range(n_blocks):
            first = engine.frame
            engine.render(block)
            ring.write(first, block)

    def slow_copy(parts: tuple[np.ndarray, ...]) -> np.ndarray:
        play(3)  # during the copy, the audio thread writes on: it does not wait for a reader
        return copy(parts)

    play(10)
    monkeypatch.setattr(np, "concatenate", slow_copy)
    stretch = reader.read(0, 1000)
    assert (stretch.first, stretch.end) == (300, 1000)
    np.testing.assert_array_equal(stretch.sound[:, 0], np.arange(300, 1000))


@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000, 96000, 192000])
def test_the_ring_is_long_enough_at_any_rate(rate_hz: int) -> None:
    assert ring_frames(rate_hz) >= LEAST_S * rate_hz
    assert LEAST_S >= MOST_BEFORE_S + 5.0


def test_to_write_allocates_no_array() -> None:
    ring, block = SoundRing(2**12), np.zeros((300, 2), np.float32)
    with recorded_arrays() as arrays:
        for number in range(100):
            ring.write(300 * number, block)
    assert [each for each in arrays if each.n_bytes > 64] == []
