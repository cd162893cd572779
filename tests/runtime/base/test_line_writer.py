"""The real program plays on, whatever happens to its standard streams."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT
from tests.support.rig import START_LIMIT_S

PLAY = [sys.executable, "-m", "runtime", "play", "--audio", "null", "--demo"]
PLAY += ["--instrument", str(ROOT / "tests" / "data" / "tiny.onnx")]
Start = Callable[..., subprocess.Popen[str]]


class Systemd:
    """Receives the program's notices, as systemd does."""

    def __init__(self, path: Path):
        self.env = os.environ | {"NOTIFY_SOCKET": str(path)}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(START_LIMIT_S)

    def wait_for(self, news: str) -> None:
        """Wait for a notice with this line."""
        end_s = time.monotonic() + START_LIMIT_S
        while news not in self._socket.recv(4096).decode().splitlines():
            if time.monotonic() > end_s:
                raise TimeoutError(f"no notice {news!r} within {START_LIMIT_S:.0f} s")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    listener = Systemd(tmp_path / "notify")
    yield listener
    listener.close()


@pytest.fixture
def start(systemd: Systemd) -> Iterator[Start]:
    """A function that starts the program from a shell.

    redirections: where the program's streams go, in shell syntax.
    before: shell commands to run before the program, with a final `;`.
    streams: keyword arguments for Popen.
    """
    begun: list[subprocess.Popen[str]] = []

    def start(redirections: str = "", before: str = "", **streams: object) -> subprocess.Popen[str]:
        line = f"{before} exec {shlex.join(PLAY)} {redirections}"
        begun.append(subprocess.Popen(["sh", "-c", line], cwd=ROOT, env=systemd.env, text=True, **streams))
        return begun[-1]

    yield start
    for process in begun:
        process.terminate()  # not killed: a killed program's companion would go on writing for a moment
        try:
            process.communicate(timeout=START_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def assert_plays_on(process: subprocess.Popen[str], systemd: Systemd) -> None:
    systemd.wait_for("WATCHDOG=1")
    process.send_signal(signal.SIGTERM)
    systemd.wait_for("STOPPING=1")
    assert process.wait(START_LIMIT_S) == 0
    assert process.stderr is None or process.stderr.read() == ""


def test_a_reader_that_leaves_after_one_line(start: Start, systemd: Systemd) -> None:
    process = start(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    subprocess.run(["head", "-1"], stdin=process.stdout, stdout=subprocess.DEVNULL, check=True)
    process.stdout.close()
    assert_plays_on(process, systemd)


def test_a_reader_that_does_not_read(start: Start, systemd: Systemd) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(write_end, b"\n" * size)
        except BlockingIOError:
            os.set_blocking(write_end, size == 1)
    process = start(stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    assert_plays_on(process, systemd)
    os.close(read_end)


@pytest.mark.parametrize("redirections", [">/dev/full", ">&-", "2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_a_stream_that_takes_nothing(redirections: str, start: Start, systemd: Systemd) -> None:
    if "/dev/full" in redirections and sys.platform != "linux":
        pytest.skip("only Linux has /dev/full")
    assert_plays_on(start(redirections, stdout=subprocess.PIPE, stderr=subprocess.PIPE), systemd)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows a program's descriptors in /proc")
def test_what_is_opened_later_is_not_printed_into(start: Start, systemd: Systemd) -> None:
    process = start("<&- >&- 2>&-")
    systemd.wait_for("READY=1")
    streams = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
    assert streams == [os.devnull] * 3


def test_a_terminal_that_hangs_up_ends_it_in_good_order(start: Start, systemd: Systemd) -> None:
    ours, its = os.openpty()
    process = start(stdin=its, stdout=its, stderr=its, preexec_fn=lambda: os.login_tty(0))
    os.close(its)
    systemd.wait_for("READY=1")
    os.close(ours)
    systemd.wait_for("STOPPING=1")
    assert process.wait(START_LIMIT_S) == 0


def test_nohup_plays_on(start: Start, systemd: Systemd) -> None:
    process = start(before="trap '' HUP;", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    systemd.wait_for("READY=1")
    process.send_signal(signal.SIGHUP)
    assert_plays_on(process, systemd)
