"""The systemd service: systemd accepts the unit file, and the program sends its notices to systemd."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.service.install import LAST_LINE, UNIT, copy_runtime, refuse_hidden_python, status_line
from runtime.service.notify import notify
from tests.support.places import ROOT


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on the unit file; if systemd-analyze is missing, skip the test, but fail on CI."""
    if not shutil.which("systemd-analyze"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no systemd-analyze: apt-get install systemd")
    return subprocess.run(["systemd-analyze", *arguments, str(UNIT)], capture_output=True, text=True, check=False)


def test_systemd_takes_the_unit_as_committed() -> None:
    done = systemd_analyze("verify", "--recursive-errors=yes")
    assert (done.returncode, done.stderr) == (0, "")


def test_unit_gives_away_little_when_broken_into() -> None:
    done = systemd_analyze("security", "--offline=true", "--threshold=20")
    assert done.returncode == 0, done.stdout[-2000:]


def test_unit_comes_back_whatever_happens() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    for needed in ("Type=notify", "NotifyAccess=main", "Restart=always", "StartLimitIntervalSec=0", "User=timbrebox",
                   "StateDirectory=timbrebox", "RuntimeDirectory=timbrebox", "Group=audio"):  # fmt: skip
        assert needed in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
    silencing = ("PrivateDevices=yes", "DeviceAllow", "ProtectClock=yes", "RestrictRealtime=yes")
    assert not [line for line in lines if line.startswith(silencing)]


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_notify_reaches_systemd_s_socket(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"@timbrebox-{os.getpid()}" if kind == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address.replace("@", "\0"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        assert notify(READY=1, STATUS="plays\nMAINPID=1")
        assert systemd.recv(4096) == b"READY=1\nSTATUS=plays MAINPID=1"


def test_notify_never_stops_the_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify(WATCHDOG=1)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify(WATCHDOG=1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as busy:
        busy.bind(str(tmp_path / "busy"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "busy"))
        sent = 0
        while notify(WATCHDOG=1):  # nobody reads, so the queue fills up; then notify must not wait
            sent += 1
        assert sent > 0


def test_the_copy_runs_by_itself_and_belongs_to_nobody_else() -> None:
    subprocess.run([ROOT / "timbrebox", "instruments"], capture_output=True, check=False)  # makes .venv
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "timbrebox"
        copy_runtime(ROOT, home)
        copy_runtime(ROOT, home)  # an update replaces the copy
        for path in (home, *home.rglob("*")):
            if not path.is_symlink():
                assert path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP) == stat.S_IROTH, path
        done = subprocess.run(["sh", home / "timbrebox", "instruments"], cwd="/", capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert os.listdir(folder) == ["timbrebox"]


def test_a_python_that_the_service_cannot_reach_is_refused(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "python3").touch(mode=0o755)
    with pytest.raises(UserError, match="only its owner can reach"):
        refuse_hidden_python(hidden / "python3")
    refuse_hidden_python(Path("/bin/sh").resolve())


def test_service_status_is_one_plain_line() -> None:
    done = subprocess.run([ROOT / "timbrebox", "service", "status"], capture_output=True, text=True, check=False)
    booted = Path("/run/systemd/system").is_dir()
    assert done.returncode == (0 if booted else 2)
    assert (done.stdout if booted else done.stderr).count("\n") == 1
    known = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
    known["StatusText"] = "no sound card yet"
    assert "runs: no sound card yet; it starts with the machine" in status_line(known)
    known |= {"ActiveState": "activating", "NRestarts": "3", LAST_LINE: "timbrebox: no such instrument."}
    assert "is starting: timbrebox: no such instrument; it starts" in status_line(known)
    assert "not installed" in status_line({"LoadState": "not-found"})
