"""The page's service has few rights, and is always restarted; avahi's file announces the page."""

from __future__ import annotations

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from runtime.panel.listening import DEFAULT_PORT
from runtime.service.places import ANNOUNCED
from tests.support.places import ROOT

UNIT = ROOT / "runtime" / "service" / "timbrebox-panel.service"
AVAHI_FILE = ROOT / "runtime" / "service" / "avahi" / "timbrebox.service"
INSTRUMENT = ROOT / "runtime" / "service" / "timbrebox.service"


@pytest.mark.parametrize(
    ("unit", "arguments"),
    [
        (UNIT, ["verify", "--recursive-errors=yes"]),
        (UNIT, ["security", "--offline=true", "--threshold=20"]),
        (INSTRUMENT, ["security", "--offline=true", "--threshold=12"]),
    ],
)
def test_systemd_takes_the_units_and_finds_them_safe(unit: Path, arguments: list[str]) -> None:
    if not shutil.which("systemd-analyze"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no systemd-analyze: apt-get install systemd")
    done = subprocess.run(["systemd-analyze", *arguments, str(unit)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_instrument_has_no_network_and_the_page_only_private_ones() -> None:
    instrument, page = (path.read_text(encoding="utf-8").splitlines() for path in (INSTRUMENT, UNIT))
    assert {"PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX", "IPAddressDeny=any"} <= set(instrument)
    assert any(line.startswith("ExecStart=") and "--no-panel" in line for line in instrument)
    assert {"IPAddressDeny=any", "User=timbrebox", "Group=audio", "Restart=always"} <= set(page)
    # With RuntimeDirectory=, systemd removes /run/timbrebox when the page's service stops. The instrument's service
    # needs this folder.
    assert not [line for line in page if line.startswith("RuntimeDirectory=")]


def test_avahi_s_file_announces_the_page_at_its_port() -> None:
    service = ElementTree.parse(AVAHI_FILE).getroot().find("service")
    assert (service.findtext("type"), service.findtext("port")) == ("_http._tcp", str(DEFAULT_PORT))
    assert f"current/{AVAHI_FILE.relative_to(ROOT)} {ANNOUNCED.parent}/" in (ROOT / "docs" / "panel.md").read_text()
