"""The systemd service is always restarted, and runs from its own folder."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from runtime.service.notify import notify
from runtime.service.versions import Versions
from tests.support.places import ROOT

UNIT = ROOT / "runtime" / "service" / "timbrebox.service"


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
        while notify(WATCHDOG=1):  # nobody reads, so the queue fills up; `notify` must then give up, not wait
            sent += 1
        assert sent > 0


def test_the_copy_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([ROOT / "timbrebox", "instruments"], capture_output=True, check=False)  # makes .venv
    monkeypatch.setattr("runtime.service.versions.refuse_hidden_python", lambda python: None)
    with tempfile.TemporaryDirectory() as folder:
        version = Versions(Path(folder) / "home").add(ROOT)
        done = subprocess.run(["sh", version / "timbrebox", "instruments"], cwd="/", capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
