"""A sound file that is being written can be read after each block, after a kill, and when the disk is full."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.companion.recording.places import growing, hold, settle_leftovers
from runtime.companion.recording.sound_files import FlacFile, WavFile, mend_wav
from tests.support.places import ROOT

KINDS = [("wav", 16), ("wav", 24), ("flac", 16), ("flac", 24)]


def make(path: Path, kind: str, bits: int) -> WavFile | FlacFile:
    return WavFile(path, 44100, bits) if kind == "wav" else FlacFile(path, 44100, bits)


def noise(n_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (n_frames, 2)).astype(np.float32)


def expected(sound: np.ndarray, bits: int) -> np.ndarray:
    """The samples as soundfile reads them: in the upper bits of int32."""
    return np.rint(sound * np.float32(2 ** (bits - 1) - 1)).astype(np.int32) << (32 - bits)


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Stands in for a full disk: no file of this process may grow beyond n_bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_the_file_is_whole_after_every_block(tmp_path: Path, kind: str, bits: int) -> None:
    path, sound = tmp_path / f"a.{kind}", noise(40_000)
    file = make(path, kind, bits)
    for end in (1, 700, 4096, 4097, 12_288, 30_000, 40_000):
        file.add(sound[file.n_frames : end])
        shutil.copy(path, tmp_path / f"copy.{kind}")
        if kind == "flac" and end < 4097:
            continue  # the encoder has not written its first block yet
        read, rate_hz = soundfile.read(tmp_path / f"copy.{kind}", dtype="int32")
        assert rate_hz == 44100
        assert len(read) >= end - (4096 if kind == "flac" else 0)
        np.testing.assert_array_equal(read, expected(sound[: len(read)], bits))
    file.finish()
    read, _ = soundfile.read(path, dtype="int32")
    np.testing.assert_array_equal(read, expected(sound, bits))


@pytest.mark.parametrize(("kind", "bits"), KINDS)
@pytest.mark.parametrize("n_bytes", [150_000, 150_001, 150_003, 163_840])
def test_on_a_full_disk_a_whole_file_is_left(tmp_path: Path, kind: str, bits: int, n_bytes: int) -> None:
    path, sound = tmp_path / f"a.{kind}", noise(100_000)
    file = make(path, kind, bits)
    with largest_file(n_bytes):
        said = None
        for first in range(0, len(sound), 1000):
            try:
                file.add(sound[first : first + 1000])
            except OSError as error:
                said = error
                break
        file.finish()
    assert said is not None
    read, _ = soundfile.read(path, dtype="int32")
    assert len(read) == file.n_frames > 15_000
    np.testing.assert_array_equal(read, expected(sound[: len(read)], bits))
    if kind == "wav":
        assert path.stat().st_size == 44 + len(read) * bits // 4


WRITER = """
import sys
from pathlib import Path
from tests.runtime.companion.test_sound_files import make, noise
file, sound = make(Path(sys.argv[1]), sys.argv[2], 16), noise(1000)
print("ready", flush=True)
while True:
    file.add(sound)
"""


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_writer_killed_at_any_moment_leaves_a_file_that_plays(tmp_path: Path, kind: str) -> None:
    chance, sound = np.random.default_rng(5), expected(noise(1000), 16)
    for number in range(10):
        path = tmp_path / f"{number}.{kind}"
        command = [sys.executable, "-c", WRITER, str(path), kind]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.1 + chance.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
        read, _ = soundfile.read(path, dtype="int32")
        assert len(read) > 1000
        np.testing.assert_array_equal(read, np.tile(sound, (len(read) // 1000 + 1, 1))[: len(read)])
        if kind == "wav":
            mend_wav(path)
            assert len(soundfile.read(path)[0]) >= len(read)


def test_a_wav_file_of_four_gigabytes_says_so_before_it_is_full(tmp_path: Path) -> None:
    for bits in (16, 24):
        file = WavFile(tmp_path / f"{bits}.wav", 44100, bits)
        n_bytes = file.n_most * bits // 4
        assert n_bytes + 36 <= 2**32 - 1 < n_bytes + 44 + bits // 4
        file.finish()


def test_leftovers_are_finished_unless_their_writer_lives(tmp_path: Path) -> None:
    dead, alive = growing(tmp_path, "dead", ".wav"), growing(tmp_path, "alive", ".wav")
    for path in (dead, alive):
        file = WavFile(path, 44100)
        file.add(noise(100))
        with path.open("ab") as stream:  # 7 frames that the header does not count, and part of one more
            stream.write(bytes(4 * 7 + 3))
    held = hold(alive)
    (tmp_path / "dead.wav").write_text("another file")
    assert settle_leftovers(tmp_path) == [tmp_path / "dead-2.wav"]
    assert soundfile.info(tmp_path / "dead-2.wav").frames == 107
    assert (tmp_path / "dead.wav").read_text() == "another file"
    assert alive.exists()
    os.close(held)
    assert settle_leftovers(tmp_path) == [tmp_path / "alive.wav"]
