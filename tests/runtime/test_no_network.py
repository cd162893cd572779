"""`play` and `render` use no network, as their system calls show."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

DATA = ROOT / "tests" / "data"
RUNTIME = [sys.executable, "-m", "runtime"]
INSTRUMENT = ["--instrument", DATA / "tiny.onnx"]
# How long `play` runs, in s. With telemetry, onnxruntime would look up its maker's host 9 s and 15 s after the start.
PLAYED_S = "20"
LOCAL = {"AF_UNIX", "AF_NETLINK"}
THIS_MACHINE = {"127.0.0.1"}


class Trace:
    """One run of a program, watched by strace, with an empty home folder and with telemetry switched on.

    families: address families of its sockets, and of the addresses to which it connected or sent.
    hosts: all AF_INET addresses.
    name_files: files read to look up a host.
    cached: files left in the cache folder.
    output: printed text.
    """

    def __init__(self, folder: Path, *command: object):
        home, calls = folder / "home", folder / "calls"
        home.mkdir()
        env = {key: value for key, value in os.environ.items() if key != "XDG_CACHE_HOME"}
        strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=%network,open,openat", "-e", "signal=none"]
        done = subprocess.run(
            [*strace, "-o", str(calls), *map(str, command)],
            cwd=ROOT,
            env=env | {"HOME": str(home), "ORT_DISABLE_TELEMETRY": "0"},
            capture_output=True,
            text=True,
        )
        text = calls.read_text(errors="replace")
        self.status, self.output = done.returncode, done.stdout + done.stderr
        self.families = set(re.findall(r"\b(?:socket\(|sa_family=)(\w+)", text))
        self.hosts = set(re.findall(r'inet_addr\("([\d.]+)"\)', text))
        self.name_files = set(re.findall(r'"(/etc/(?:hosts|host\.conf|resolv\.conf))"', text))
        self.cached = [path for path in (home / ".cache").rglob("*") if path.is_file()]


@pytest.fixture(autouse=True, scope="module")
def tracer() -> None:
    """Without strace, skip the tests, or let them fail on CI with Linux. Only Linux has strace."""
    if not shutil.which("strace"):
        must = os.environ.get("CI") and sys.platform == "linux"
        (pytest.fail if must else pytest.skip)("no strace: apt-get install strace")


def test_a_trace_shows_the_use_of_a_network(tmp_path: Path) -> None:
    program = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.1', 9))"
    trace = Trace(tmp_path, sys.executable, "-c", program)
    assert "AF_INET" in trace.families
    assert trace.hosts == {"127.0.0.1"}


def test_a_trace_shows_a_look_up(tmp_path: Path) -> None:
    program = "import socket; socket.getaddrinfo('localhost', 9)"
    assert "/etc/hosts" in Trace(tmp_path, sys.executable, "-c", program).name_files


def assert_keeps_to_itself(trace: Trace, says: str, families: set[str] = LOCAL) -> None:
    """Assert that the program's output matches the pattern `says`, and that the program used no network.

    families: the address families that the program may use, for connections inside this machine only.
    """
    assert trace.status == 0, trace.output
    assert re.search(says, trace.output, re.DOTALL), trace.output
    assert trace.families <= families
    assert trace.hosts <= THIS_MACHINE
    assert not trace.name_files
    assert not trace.cached


def test_playing_keeps_to_itself(tmp_path: Path) -> None:
    playing = [*RUNTIME, "play", "--audio", "null", "--demo", *INSTRUMENT]
    trace = Trace(tmp_path, "timeout", "--preserve-status", PLAYED_S, *playing)
    assert_keeps_to_itself(trace, r"READY .*audio: null.*PANEL http.*Stopped: .* [1-9]\d+ notes", LOCAL | {"AF_INET"})


def test_rendering_keeps_to_itself(tmp_path: Path) -> None:
    trace = Trace(tmp_path, *RUNTIME, "render", DATA / "scale.mid", tmp_path / "scale.wav", *INSTRUMENT)
    assert_keeps_to_itself(trace, r"36 notes")
