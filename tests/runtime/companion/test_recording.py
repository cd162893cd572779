"""The companion writes a recording's events and sound to files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.audio.sound_ring import RingReader, SoundRing
from runtime.companion.recording.recording import Order, Recording
from runtime.events import KnobTurn, NoteOff, NoteOn
from runtime.midi.recorded.reading import read_recorded

FIRST, SIZE = 100_000, 250


class Played:
    """Plays noise into a ring, from frame FIRST on, and has a recording of it."""

    def __init__(self, folder: Path, ring_frames: int = 2**16, **order: object):
        self.ring, self.frame = SoundRing(ring_frames), FIRST
        self.sound = np.random.default_rng(1).uniform(-1.0, 1.0, (60_000, 2)).astype(np.float32)
        self.play(SIZE)
        said = {"format": "wav", "bits": 16, "name": "Ä/b: c", "head": {"a": 1}} | order
        order = Order(generation=1, first=FIRST, sample_rate_hz=44100, **said)
        self.recording = Recording(RingReader(self.ring.descriptor), order, folder)

    def play(self, n_frames: int) -> None:
        for _ in range(n_frames // SIZE):
            at = self.frame - FIRST
            self.ring.write(self.frame, self.sound[at : at + SIZE])
            self.frame += SIZE

    def stop(self) -> list[Path]:
        assert self.recording.work(stop_at=self.frame)
        self.recording.finish()
        return self.recording.files

    def expected(self) -> np.ndarray:
        return np.rint(self.sound[: self.frame - FIRST] * np.float32(32767)).astype(np.int16)


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16")[0]


def test_sound_and_events_lie_side_by_side(tmp_path: Path) -> None:
    played = Played(tmp_path)
    on, turn, off = NoteOn(1, 60, 100, 2), KnobTurn(0, 0.25), NoteOff(1, 60, 3, 2)
    played.recording.add([(FIRST, on), (FIRST + 5000, turn), (FIRST + 20_260, off)])
    for _ in range(5):
        played.play(4000)
        assert played.recording.work()
    played.recording.work()  # `work` writes what its previous call found
    growing = played.recording.files
    assert [path.suffixes[-2:] for path in growing] == [[".part", ".wav"], [".part", ".mid"]]
    assert read_recorded(growing[1]).events == [
        (0, on),
        (5000, turn),
    ]  # the third event lies after the written sound
    played.play(4000)
    sound, midi = played.stop()
    assert sound.stem == midi.stem
    assert sound.stem.endswith("-Ä-b-c")
    np.testing.assert_array_equal(read(sound), played.expected())
    found = read_recorded(midi)
    assert found.events == [(0, on), (5000, turn), (20_260, off)]
    assert found.n_ticks == len(played.expected())
    assert played.recording.n_lost == 0
    assert sorted(tmp_path.iterdir()) == sorted([sound, midi])


def test_frames_that_were_lost_are_silent_and_counted(tmp_path: Path) -> None:
    played = Played(tmp_path, 8000)
    played.recording.work()
    played.recording.work()
    played.play(20_000)  # while the companion sleeps
    sound, _ = played.stop()
    expected, n_lost = played.expected(), played.recording.n_lost
    assert n_lost == 20_000 - 8000
    expected[SIZE : SIZE + n_lost] = 0
    np.testing.assert_array_equal(read(sound), expected)


@pytest.mark.parametrize("most", [1000, 4999, 20_250])
def test_a_full_wav_file_is_followed_by_another_without_a_gap(tmp_path: Path, most: int) -> None:
    played = Played(tmp_path, most_frames=most)
    for _ in range(10):
        played.play(2000)
        played.recording.work()
    files = [path for path in played.stop() if path.suffix == ".wav"]
    parts = [read(path) for path in files]
    assert all(len(part) == most for part in parts[:-1])
    assert len(parts) == -(-20_250 // most)
    np.testing.assert_array_equal(np.concatenate(parts), played.expected())
    assert len(list(tmp_path.glob("*.mid"))) == 1


def test_it_ends_when_another_engine_plays(tmp_path: Path) -> None:
    played = Played(tmp_path)
    assert played.recording.work()
    played.ring.write(0, played.sound[:SIZE])
    assert not played.recording.work()
    played.recording.finish()
    assert "sample rate" in played.recording.problem


def test_two_recordings_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    files = [path for _ in range(3) for path in Played(tmp_path).stop()]
    assert len(set(files)) == 6
    assert all(path.exists() for path in files)
