"""The real program records exactly what it plays, even if a process is killed or the disk is full."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from runtime.base.errors import UserError
from runtime.events import ALL_PARTS, Swap
from runtime.midi.recorded.reading import read_recorded
from tests.support.places import ROOT
from tests.support.rig import START_LIMIT_S, ask, home_of_its_own, wait_until


class Program:
    """A process that runs tests/support/random_play.py."""

    def __init__(self, home: Path, seed: int, options: Sequence[str]):
        (home / "run").mkdir(parents=True, exist_ok=True)
        (home / "run").chmod(0o700)
        self.env = os.environ | home_of_its_own(home) | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        self.folder = home / "data" / "timbrebox" / "recordings"
        command = [sys.executable, "-m", "tests.support.random_play", str(seed), "--audio", "null", *options]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdin=pipe, stdout=pipe, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self.lines.extend, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        self.wait_for("READY")

    def wait_for(self, words: str, n: int = 1) -> str:
        wait_until(lambda: sum(words in line for line in self.lines) >= n, words, lambda: "".join(self.lines))
        return [line for line in self.lines if words in line][n - 1]

    def play(self) -> None:
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "runtime", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    @property
    def companion(self) -> int:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = [int(child) for child in path.read_text().split()]
        (found,) = [c for c in children if b"runtime.companion" in Path(f"/proc/{c}/cmdline").read_bytes()]
        return found

    def files(self, suffix: str) -> list[Path]:
        """The recordings with this suffix, finished or not."""
        return sorted(self.folder.glob(f"*{suffix}"))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60.0) == 0
        self._reader.join()


@contextlib.contextmanager
def running(home: Path, seed: int, *options: str) -> Iterator[Program]:
    program = Program(home, seed, options)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.wait()


def assert_render_repeats(program: Program, sound: Path, *options: str) -> np.ndarray:
    """Assert that the MIDI file beside a sound file gives the same samples, and return them."""
    again = sound.with_name("again.wav")
    said = program.command("render", str(sound.with_suffix(".mid")), str(again), *options)
    assert "missing" not in said, said
    recorded, rate_hz = soundfile.read(sound, dtype="int16")
    rendered, rendered_rate_hz = soundfile.read(again, dtype="int16")
    assert rate_hz == rendered_rate_hz
    np.testing.assert_array_equal(recorded, rendered)
    again.unlink()
    return recorded


@pytest.mark.parametrize(("seed", "sound_format", "options"), [
    (1, "wav", ()),
    (2, "flac", ("--sound", "Slow pad")),
    (3, "wav", ("--instrument", "strings", "--buffer", "64")),
])  # fmt: skip
def test_a_random_stream_is_rendered_again_to_the_sample(
    tmp_path: Path, seed: int, sound_format: str, options: tuple[str, ...]
) -> None:
    with running(tmp_path, seed, *options) as program:
        time.sleep(1.0)
        assert "Recording" in program.command("record", "start", "--format", sound_format)
        program.play()
        time.sleep(6.0)
        assert "so far" in program.command("record", "status")
        assert "Recorded" in program.command("record", "stop")
        (sound,) = program.files(f".{sound_format}")
        recorded = assert_render_repeats(program, sound)
        assert len(recorded) > 5.0 * 44100
        assert np.abs(recorded).max() > 1000
        read = read_recorded(sound.with_suffix(".mid"))
        assert len(read.events) > 100
        assert {getattr(event, "device", 0) for _, event in read.events} == {0, 1, 2}
        kinds = {type(event).__name__ for _, event in read.events}
        assert kinds >= {"NoteOn", "ControlChange", "PitchWheel", "ProgramChange", "KnobTurn", "TargetMove"}
        assert len(mido.MidiFile(sound.with_suffix(".mid")).tracks) == 1
        program.stop()


def test_two_parts_and_a_change_of_the_instrument_are_rendered_again(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("effects: {reverb: 0.3}\nenvelope: {release_s: 0.2}")
    layer = "parts: [{sound: a.yaml, instrument: pads, pan: -0.5}, {sound: a.yaml, instrument: fm, channel: 2}]"
    (tmp_path / "layer.yaml").write_text(layer)
    with running(tmp_path, 8, "--sound", str(tmp_path / "layer.yaml")) as program:
        time.sleep(0.5)
        program.command("record", "start")
        program.play()
        for name in ("strings", "virtual-analogue"):
            time.sleep(1.0)
            ask(tmp_path, "action", name="next_instrument")
            program.wait_for("Instrument: ", n=1 if name == "strings" else 2)
        time.sleep(2.0)
        program.command("record", "stop")
        (sound,) = program.files(".wav")
        assert len(assert_render_repeats(program, sound)) > 3.0 * 44100
        events = read_recorded(sound.with_suffix(".mid")).events
        assert [event.instrument for _, event in events if isinstance(event, Swap)] == ["strings", "virtual-analogue"]
        # A recording cannot begin before the latest swap, so this one does not hold the whole 10 s.
        program.command("record", "start", "--seconds-before", "10")
        time.sleep(1.0)
        program.command("record", "stop")
        program.stop()


def choose_until_it_plays(program: Program, home: Path, name: str) -> None:
    """Choose a sound; choose it again if a random program change came later and won."""
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s:
        n_before = sum("Sound: " in line for line in program.lines)
        try:
            chosen = ask(home, "sound", name=name)
        except UserError:  # a program change came while the sound's file was read
            continue
        # If a sound needs only the present instrument, it plays at once, and no line says so.
        if "waits" not in chosen or program.wait_for("Sound: ", n_before + 1) == f"Sound: {name}.\n":
            return
    raise AssertionError(f"{name} was not chosen: {''.join(program.lines)}")


def test_a_split_that_is_chosen_while_playing_does_not_end_the_recording(tmp_path: Path) -> None:
    sounds = tmp_path / "data" / "timbrebox" / "sounds"
    sounds.mkdir(parents=True)
    (sounds / "a.yaml").write_text("effects: {reverb: 0.3}\nenvelope: {release_s: 0.2}\ninstrument: pads")
    (sounds / "Both.yaml").write_text("parts: [{sound: a, keys: [0, 59]}, {sound: a, instrument: fm, keys: [60, 127]}]")
    with running(tmp_path, 9, "--instrument", "strings") as program:
        time.sleep(0.5)
        program.command("record", "start")
        program.play()
        for name in ("Both", "a"):
            time.sleep(1.0)
            choose_until_it_plays(program, tmp_path, name)
        time.sleep(1.0)
        assert "Recorded" in program.command("record", "stop")
        (sound,) = program.files(".wav")
        assert len(assert_render_repeats(program, sound)) > 3.0 * 44100
        events = read_recorded(sound.with_suffix(".mid")).events
        swapped = [event.part for _, event in events if isinstance(event, Swap)]
        assert len(swapped) >= 2  # the two choices; a program change during the split adds a third
        assert set(swapped) == {ALL_PARTS}
        program.stop()


def test_a_recording_holds_the_ten_seconds_before_it_was_started(tmp_path: Path) -> None:
    with running(tmp_path, 4) as program:
        program.play()
        time.sleep(7.0)  # shorter than 10 s, so the recording begins with silence
        said = program.command("record", "start", "--seconds-before", "10")
        assert float(said.split("Recording, ")[1].split(" s so far")[0]) > 7.0
        time.sleep(1.0)
        program.command("record", "stop")
        (sound,) = program.files(".wav")
        recorded = assert_render_repeats(program, sound)
        assert len(recorded) > 7.0 * 44100
        program.stop()


def test_a_recording_that_goes_on_when_the_program_stops_is_finished(tmp_path: Path) -> None:
    with running(tmp_path, 5) as program:
        program.command("record", "start")
        program.play()
        time.sleep(2.0)
        program.stop()
        assert program.files(".part.wav") == []
        (sound,) = program.files(".wav")
        assert len(assert_render_repeats(program, sound)) > 2.0 * 44100


@pytest.mark.parametrize("sound_format", ["wav", "flac"])
def test_a_killed_companion_leaves_a_file_that_plays_and_the_program_plays_on(
    tmp_path: Path, sound_format: str
) -> None:
    with running(tmp_path, 6) as program:
        time.sleep(0.5)
        program.command("record", "start", "--format", sound_format)
        program.play()
        time.sleep(3.0)
        killed = program.companion
        os.kill(killed, signal.SIGKILL)
        (part,) = program.files(f".part.{sound_format}") or program.files(f".{sound_format}")
        sound, _ = soundfile.read(part, dtype="int16")
        assert len(sound) > 2.0 * 44100
        assert mido.MidiFile(next(iter(program.files(".mid")))).length > 2.0
        program.wait_for("Recording ended, because the companion died")
        program.wait_for("Kept a recording that was cut short")
        assert program.files(f".part.{sound_format}") == []
        (kept,) = program.files(f".{sound_format}")
        whole, _ = soundfile.read(kept, dtype="int16")
        assert len(whole) >= len(sound)
        # From the MIDI file, `render` makes the same samples as the recording has, up to the end of the shorter of the
        # two sounds. So the recording holds what was played.
        again = tmp_path / "again.wav"
        program.command("render", str(kept.with_suffix(".mid")), str(again))
        rendered, _ = soundfile.read(again, dtype="int16")
        n = min(len(rendered), len(whole))
        assert n > 2.0 * 44100
        np.testing.assert_array_equal(rendered[:n], whole[:n])
        assert program.process.poll() is None
        program.command("record", "start")
        time.sleep(0.5)
        program.command("record", "stop")
        program.stop()


@pytest.mark.parametrize("sound_format", ["wav", "flac"])
def test_a_full_disk_ends_it_with_one_line_and_whole_files(tmp_path: Path, sound_format: str) -> None:
    with running(tmp_path, 7) as program:
        time.sleep(0.5)
        program.command("record", "start", "--format", sound_format)
        # A limit on the size of the companion's files stands in for a full disk.
        most = 400_000 if sound_format == "wav" else 200_000
        resource.prlimit(program.companion, resource.RLIMIT_FSIZE, (most, most))
        program.play()
        line = program.wait_for("Recording ended, because")
        assert line.count("\n") == 1
        assert "File too large" in line or "disk is full" in line
        (sound,) = program.files(f".{sound_format}")
        assert ".part" not in sound.name
        recorded, _ = soundfile.read(sound, dtype="int16")
        assert len(recorded) > 44100
        again = tmp_path / "again.wav"
        program.command("render", str(sound.with_suffix(".mid")), str(again))
        rendered, _ = soundfile.read(again, dtype="int16")
        n = min(len(rendered), len(recorded))
        assert n > 44100
        np.testing.assert_array_equal(rendered[:n], recorded[:n])
        assert program.command("record") == "Not recording.\n"
        assert sum("Recording ended" in said for said in program.lines) == 1
        program.stop()


def test_the_action_starts_and_stops(tmp_path: Path) -> None:
    from runtime.link.client import Link

    with running(tmp_path, 8) as program:
        with Link(tmp_path / "run" / "timbrebox" / "control") as link:
            link.ask("action", name="record")
            program.wait_for("Recording: ")
            link.ask("action", name="record")
            program.wait_for("Recording ended: ")
        program.stop()


def test_mistakes_give_one_line(tmp_path: Path) -> None:
    def refusal(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "runtime", *arguments], cwd=ROOT, env=env, capture_output=True, text=True
        )
        assert done.returncode == 2, done
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    env = os.environ | home_of_its_own(tmp_path)
    assert "play" in refusal("record", "start")
    assert "0 to 15" in refusal("record", "start", "--seconds-before", "99")
    with running(tmp_path, 9) as program:
        assert "no recording" in refusal("record", "stop")
        program.command("record", "start")
        assert "stop it first" in refusal("record", "start")
        program.command("record", "stop")
        (midi,) = program.files(".mid")
        head = read_recorded(midi).head
        assert json.dumps(head)
        assert head["sample_rate_hz"] == 44100
        assert "sound of its own" in refusal("render", str(midi), str(tmp_path / "a.wav"), "--preset", "Bass")
        program.folder.rename(tmp_path / "away")
        program.folder.write_text("no folder")
        assert "recordings" in refusal("record", "start")
        program.stop()
