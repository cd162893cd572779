"""systemd accepts the committed unit files, which limit the damage of a break-in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.places import ROOT

UNITS = sorted((ROOT / "runtime" / "service").glob("*.service"))
# The exposure limits that are not the usual 12. The page's service has a network, so its limit is higher than 12. The
# update's service runs as root, so its limit is lower than 12.
EXPOSURE = {"timbrebox-panel.service": 13, "timbrebox-update.service": 10}

pytestmark = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def systemd_analyze(unit: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("systemd-analyze"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no systemd-analyze: apt-get install systemd")
    return subprocess.run(["systemd-analyze", *arguments, str(unit)], capture_output=True, text=True, check=False)


def test_systemd_takes_the_unit_as_committed(unit: Path) -> None:
    done = systemd_analyze(unit, "verify", "--recursive-errors=yes")
    assert (done.returncode, done.stderr) == (0, "")


def test_unit_gives_away_little_when_broken_into(unit: Path) -> None:
    threshold = EXPOSURE.get(unit.name, 12)  # systemd's exposure level, in tenths
    done = systemd_analyze(unit, "security", "--offline=true", f"--threshold={threshold}")
    assert done.returncode == 0, done.stdout[-2000:]


def test_unit_plays_the_installed_version_bounded_and_silent_to_others(unit: Path) -> None:
    lines = unit.read_text(encoding="utf-8").splitlines()
    values = [line.removeprefix("Environment=").split() for line in lines if line.startswith("Environment=")]
    assert ["ORT_DISABLE_TELEMETRY=1"] in [value[-1:] for value in values]
    assert [line for line in lines if line.startswith("ExecStart=/bin/sh /opt/timbrebox/current/timbrebox ")]
    for name in ("MemoryMax", "TasksMax", "LogRateLimitIntervalSec", "LogRateLimitBurst"):
        assert [line for line in lines if line.startswith(f"{name}=")], name
