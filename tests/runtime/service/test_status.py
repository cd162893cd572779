"""`service status` says what the service waits for, and what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.service import system
from runtime.service.status import LAST_LINE, VERSION, status_lines
from runtime.service.system import refuse_fleeting_disk
from tests.support.places import ROOT

RUNS = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", VERSION: "0.1.0-2"}


def test_status_says_what_it_waits_for() -> None:
    known = RUNS | {"StatusText": "No sound card yet; 0 voices, audio: null, 44100 Hz, MIDI: none yet"}
    assert status_lines(known) == [
        "The service runs (version 0.1.0-2); it starts with the machine; restarted by itself 0 times.",
        "  No sound card yet",
        "  0 voices, audio: null, 44100 Hz, MIDI: none yet",
    ]


def test_status_says_what_is_wrong_and_the_mend() -> None:
    known = RUNS | {"StatusText": "The settings are not used, but the last good ones: x.yaml: found y; 0 voices"}
    said = status_lines(known)
    assert said[-1] == "  To mend it: correct /etc/timbrebox/instrument.yaml, then: sudo systemctl restart timbrebox"
    known = RUNS | {"ActiveState": "activating", "NRestarts": "3", "Result": "oom-kill", LAST_LINE: "timbrebox: no."}
    said = status_lines(known)
    assert "is starting" in said[0]
    assert "restarted by itself 3 times" in said[0]
    assert said[1:] == [
        "  timbrebox: no.",
        "  The last run ended because it took too much memory.",
        "  What it said: journalctl -u timbrebox -b",
    ]
    stopped = {"LoadState": "loaded", "ActiveState": "inactive"}
    assert status_lines(stopped)[-1] == "  To start it: sudo systemctl start timbrebox"
    assert "not installed" in status_lines({"LoadState": "not-found"})[0]


def test_service_needs_systemd_and_a_source_for_an_update_alone() -> None:
    for words in (["status"], ["update"], ["install", "x.tar.gz"]):
        command = [sys.executable, "-m", "runtime", "service", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        booted = Path("/run/systemd/system").is_dir()
        assert done.returncode == (0 if booted and words == ["status"] else 2)
        assert done.returncode == 0 or (done.stdout, done.stderr.count("\n")) == ("", 1), done.stderr


DISK = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/mmcblk0p2 rw\n"
MEMORY = "30 22 0:5 / /media rw - tmpfs tmpfs rw\n"
OVERLAY = "40 1 0:6 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/lower,upperdir={},workdir=/work\n"


@pytest.mark.parametrize(
    ("mounts", "kept"),
    [
        (DISK, True),
        (DISK + MEMORY, True),
        (DISK + "30 22 0:5 / /opt rw - tmpfs tmpfs rw\n", False),
        (OVERLAY.format("/nowhere/upper"), False),
        (DISK + OVERLAY.format("/usr"), True),
        (DISK + OVERLAY.format("/media") + MEMORY, False),
        (OVERLAY.format("/nowhere/upper") + "41 40 8:3 / /opt rw - ext4 /dev/mmcblk0p3 rw\n", True),
    ],
    ids=[
        "disk",
        "memory elsewhere",
        "memory",
        "hidden upper folder",
        "overlay on a disk",
        "overlay in memory",
        "own disk",
    ],
)
def test_a_disk_that_forgets_is_refused(mounts: str, kept: bool) -> None:
    place = Path("/opt/timbrebox")
    if kept:
        refuse_fleeting_disk(place, mounts)
    else:
        with pytest.raises(UserError, match="expected a disk"):
            refuse_fleeting_disk(place, mounts)


def test_a_machine_that_does_not_tell_its_disks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_MOUNTINFO", tmp_path / "mountinfo")
    with pytest.raises(UserError, match="found No such file"):
        refuse_fleeting_disk(Path("/opt/timbrebox"))
