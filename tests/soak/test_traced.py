"""The trace finds another machine's address, a look-up of a host, and a changed file outside the program's folder."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.soak.traced import Traced


@pytest.fixture
def traced(tmp_path: Path) -> Traced:
    if not shutil.which("strace"):
        (pytest.fail if os.environ.get("CI") and sys.platform == "linux" else pytest.skip)("apt-get install strace")
    return Traced("one", tmp_path / "one")


def findings_of(traced: Traced, program: str) -> tuple[set[str], int]:
    traced.finish(traced.command(sys.executable, "-B", "-c", program), False)
    assert traced.status == 0, traced.said
    wrong, _, n_own = traced.findings()
    return wrong, n_own


def test_files_of_its_own_and_this_machine_are_no_findings(traced: Traced) -> None:
    program = "import os, socket; open('own', 'w'); here = os.getcwd(); os.rename(here + '/own', here + '/new');"
    program += "os.mkdir(os.environ['TMPDIR'] + '/x');"
    program += "socket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.1', 9)); open('/etc/passwd')"
    assert findings_of(traced, program) == (set(), 3)


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("open('../other', 'w')", "other"),
        ("import os; os.chdir('..'); os.mkdir('other')", "other"),
        ("import os; open('own', 'w'); os.rename(os.path.abspath('own'), os.path.abspath('../other'))", "other"),
        ("import os; d = os.open('..', 0); open('own', 'w'); os.rename('own', 'other', dst_dir_fd=d)", "other"),
        ("import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))", "192.0.2.1"),
        ("import socket; socket.getaddrinfo('localhost', 9)", "/etc/hosts"),
    ],
)
def test_what_is_wrong_is_found(traced: Traced, program: str, found: str) -> None:
    wrong, _ = findings_of(traced, program)
    assert any(found in each for each in wrong), wrong
