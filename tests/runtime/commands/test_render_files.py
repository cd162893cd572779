"""Real processes of `render` replace no file that they must keep."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest

from runtime.sound.trajectory.packing import save_trajectory
from runtime.sound.trajectory.trajectory import N_BANDS, Trajectory
from tests.support.hearing import read_wav
from tests.support.places import ROOT
from tests.support.rig import wait_until

DATA = ROOT / "tests" / "data"
TINY, SCALE = str(DATA / "tiny.onnx"), str(DATA / "scale.mid")
LIMIT_S = 60.0  # a process that runs longer fails its test


def start(*arguments: str | Path, **settings: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "runtime", "render", *map(str, arguments)]
    if "--instrument" not in command:
        command += ["--instrument", TINY]
    pipe = subprocess.PIPE
    places = {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
    env = {"PYTHONPATH": str(ROOT)} | places
    return subprocess.Popen(command, env=env, **({"stdout": pipe, "stderr": pipe, "text": True} | settings))


def ended(process: subprocess.Popen) -> tuple[int, str]:
    """Wait for a process; returns its exit status and its text on stderr."""
    try:
        _, error = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
    return process.returncode, error


def finished(*arguments: str | Path, **settings: object) -> tuple[int, str]:
    with start(*arguments, **settings) as process:
        return ended(process)


def refusal(*arguments: str | Path, **settings: object) -> str:
    """Run a `render` that must refuse its input or output; returns its one line on stderr."""
    status, error = finished(*arguments, **settings)
    assert status == 2, error
    assert error.count("\n") == 1, error
    return error


def pipe_at(path: Path) -> None:
    os.mkfifo(path)


def device_at(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


@pytest.mark.parametrize(("make", "said"), [
    (pipe_at, "found a pipe"),
    (device_at, "found a device"),
    (Path.mkdir, "found a folder"),
], ids=["pipe", "device", "folder"])  # fmt: skip
@pytest.mark.parametrize("linked", [False, True], ids=["itself", "linked"])
def test_what_is_no_file_is_never_replaced(
    tmp_path: Path, make: Callable[[Path], None], said: str, linked: bool
) -> None:
    out, link = tmp_path / "out.wav", tmp_path / "link.wav"
    make(out)
    link.symlink_to(out)
    before = out.stat()
    assert said in refusal(SCALE, link if linked else out)
    assert (out.stat().st_ino, out.stat().st_mode) == (before.st_ino, before.st_mode)
    assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"out.wav", "link.wav"}


@pytest.mark.parametrize("link", [os.link, os.symlink, None], ids=["hard link", "symbolic link", "itself"])
@pytest.mark.parametrize("read", ["song.mid", "mine.onnx", "mine.yaml", "mine.scl"])
def test_what_is_read_is_never_overwritten(
    tmp_path: Path, link: Callable[[Path, Path], None] | None, read: str
) -> None:
    shutil.copy(SCALE, tmp_path / "song.mid")
    shutil.copy(TINY, tmp_path / "mine.onnx")
    (tmp_path / "mine.scl").write_text("an octave\n1\n2/1\n")
    (tmp_path / "mine.yaml").write_text("tuning: {scale: mine.scl}")
    out, content = tmp_path / read, (tmp_path / read).read_bytes()
    if link is not None:
        out = tmp_path / "out.wav"
        link(tmp_path / read, out)
    before = set(tmp_path.iterdir())
    asked = ["song.mid", out, "--instrument", "./mine.onnx", "--config", "mine.yaml"]
    assert f"found the same file as {read}, which is read" in refusal(*asked, cwd=tmp_path)
    assert (tmp_path / read).read_bytes() == out.read_bytes() == content
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("make", [pipe_at, device_at], ids=["pipe", "device"])
@pytest.mark.parametrize("odd", ["midi file", "instrument", "config", "scale"])
def test_a_pipe_or_device_in_a_file_s_place_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], odd: str
) -> None:
    make(tmp_path / "odd")
    (tmp_path / "scale.yaml").write_text("tuning: {scale: odd}")
    asked = {
        "midi file": ["odd", "out.wav"],
        "instrument": [SCALE, "out.wav", "--instrument", "./odd"],
        "config": [SCALE, "out.wav", "--config", "odd"],
        "scale": [SCALE, "out.wav", "--config", "scale.yaml"],
    }
    said = "odd: found a pipe" if make is pipe_at else "odd: found a device"
    assert said in refusal(*asked[odd], cwd=tmp_path)


def long_piece(folder: Path) -> str:
    """A piece of six hours, which no test renders to its end."""
    notes = [mido.Message("note_on", note=60, velocity=100, time=ticks) for ticks in (0, 6 * 3600 * 960)]
    mido.MidiFile(tracks=[mido.MidiTrack(notes)]).save(folder / "long.mid")
    return str(folder / "long.mid")


def rendering_over(out: Path) -> subprocess.Popen:
    """Start a rendering over an earlier take, and wait until the partial file contains sound."""
    out.write_bytes(b"an earlier take")
    process = start(long_piece(out.parent), out)
    wait_until(lambda: any(path.stat().st_size > 100_000 for path in parts(out)), "sound in a part file")
    return process


def parts(out: Path) -> list[Path]:
    return list(out.parent.glob(".*.part"))


@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGINT, 130),
    (signal.SIGTERM, 128 + signal.SIGTERM),
    (signal.SIGHUP, 128 + signal.SIGHUP),
], ids=["SIGINT", "SIGTERM", "SIGHUP"])  # fmt: skip
def test_a_signal_ends_it_and_keeps_what_was_there(tmp_path: Path, number: int, status: int) -> None:
    out = tmp_path / "out.wav"
    with rendering_over(out) as process:
        process.send_signal(number)
        returned, error = ended(process)
    assert returned == status
    assert error == ("timbrebox: interrupted\n" if number == signal.SIGINT else "")
    assert out.read_bytes() == b"an earlier take"
    assert {path.name for path in tmp_path.iterdir()} == {"out.wav", "long.mid"}


def test_what_a_killed_process_left_goes_with_the_next_rendering(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with rendering_over(out) as process:
        process.kill()
    assert len(parts(out)) == 1
    assert finished(SCALE, tmp_path / "another.wav") == (0, "")
    assert len(parts(out)) == 1
    assert finished(SCALE, out) == (0, "")
    assert parts(out) == []


def test_nohup_keeps_it_going_after_a_hangup(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with start(SCALE, out, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        wait_until(lambda: parts(out) or process.poll() is not None, "a part file")
        process.send_signal(signal.SIGHUP)
        assert ended(process) == (0, "")
    assert out.exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    out.write_bytes(b"an earlier take")
    # Python ignores SIGXFSZ, so beyond this limit writing fails as on a full disk.
    error = refusal(SCALE, out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)))
    assert "out.wav: found File too large; expected a writable place with room" in error
    assert out.read_bytes() == b"an earlier take"
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


def test_a_link_to_a_file_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "takes").mkdir()
    take, link = tmp_path / "takes" / "take.wav", tmp_path / "latest.wav"
    link.symlink_to("takes/take.wav")
    for _ in range(2):  # at first, the link's target does not exist
        assert finished(SCALE, link) == (0, "")
        assert link.is_symlink()
        assert read_wav(take)[1] == 44100
        take.write_bytes(b"an earlier take")
    assert [path.name for path in take.parent.iterdir()] == ["take.wav"]


def test_a_terminal_shows_how_much_is_done(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "runtime", "render", SCALE, str(tmp_path / "out.wav"), "--instrument", TINY]
    with (
        open(ours, "rb") as terminal,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=theirs) as process,
    ):
        os.close(theirs)
        shown = b""
        while b"100 %" not in shown:
            shown += os.read(terminal.fileno(), 4096)
        assert process.wait(LIMIT_S) == 0
    assert b"\r\x1b[Krender: " in shown


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full", "/dev/zero", "/dev/stdout"])
def test_no_device_of_the_system_is_replaced(device: str) -> None:
    before = os.stat(device)
    said = refusal(SCALE, device, stdin=subprocess.DEVNULL)
    assert "found a device" in said or "found a pipe" in said
    assert (os.stat(device).st_ino, os.stat(device).st_rdev) == (before.st_ino, before.st_rdev) or "stdout" in device


@pytest.mark.parametrize("read", ["path.trajectory", "sound.yaml", "map.yaml"])
def test_what_a_sound_or_the_settings_name_is_never_overwritten(tmp_path: Path, read: str) -> None:
    trajectory = Trajectory(
        step_s=0.1, knobs=(), latents=np.zeros((2, 0)), colour_db=np.zeros((2, N_BANDS)), level_db=np.zeros(3)
    )
    save_trajectory(tmp_path / "path.trajectory", trajectory)
    (tmp_path / "sound.yaml").write_text("sound_version: 1\ntrajectory: {file: path.trajectory}\n")
    (tmp_path / "map.yaml").write_text("map_version: 1\nlines: []\n")
    (tmp_path / "mine.yaml").write_text("midi: {map: map.yaml}\n")
    content = (tmp_path / read).read_bytes()
    asked = [SCALE, read, "--sound", "sound.yaml", "--config", "mine.yaml"]
    assert "which is read" in refusal(*asked, cwd=tmp_path)
    assert (tmp_path / read).read_bytes() == content


def test_through_and_export_never_overwrite_what_they_read(tmp_path: Path) -> None:
    for name in ("tiny.onnx", "tiny.encoder.onnx"):
        shutil.copy(DATA / name, tmp_path / name)
    shutil.copy(SCALE, tmp_path / "song.mid")
    (tmp_path / "mine.yaml").write_text("sound_version: 1\n")
    assert finished("song.mid", "take.wav", cwd=tmp_path) == (0, "")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for command in (
        ["through", "take.wav", "tiny.onnx", "--instrument", "./tiny.onnx"],
        ["through", "take.wav", "tiny.encoder.onnx", "--instrument", "./tiny.onnx"],
        ["encode", "take.wav", "--instrument", "./tiny.onnx", "--json", "tiny.onnx"],
        ["presets", "export", "mine.yaml", "mine.yaml"],
        ["presets", "export", "mine.yaml", "tiny.onnx", "--with-instrument", "--instrument", "./tiny.onnx"],
    ):
        asked = [sys.executable, "-m", "runtime", *command]
        done = subprocess.run(
            asked, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "home")}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "which is read" in done.stderr
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root makes a small disk")
def test_a_disk_that_is_really_full_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        (disk / "out.wav").write_bytes(b"an earlier take")
        assert "found No space left on device; expected a writable place with room" in refusal(SCALE, disk / "out.wav")
        assert [path.name for path in disk.iterdir()] == ["out.wav"]
        assert (disk / "out.wav").read_bytes() == b"an earlier take"
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_name_that_is_no_text_is_written_and_said(tmp_path: Path) -> None:
    out = os.fsencode(tmp_path) + b"/x\xff\x07.wav"
    command = [sys.executable, "-m", "runtime", "render", SCALE, out, "--instrument", TINY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert os.path.exists(out)
