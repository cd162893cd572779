"""systemd accepts the two units that install an update after the web page has received it.

The update does not restart the unit in which it runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from runtime.service import install
from runtime.service.places import ARRIVED, SIGNERS, STATE, UPDATE, UPDATE_NEWS
from runtime.service.versions import Versions
from tests.support.places import ROOT
from tests.support.program import make_program

FOLDER = ROOT / "runtime" / "service"
PATH_UNIT, SERVICE = FOLDER / f"{UPDATE}.path", FOLDER / f"{UPDATE}.service"


class Installed:
    """An installation whose units are in a test's own folder.

    called: the commands for systemd. They are recorded, and not run.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch):
        self.home, self.units, self.folder = folder / "opt" / "timbrebox", folder / "units", folder
        self.called: list[list[str]] = []
        places = {
            "HOME": self.home,
            "UNITS": self.units,
            "STATE": folder / "state",
            "SETTINGS": folder / "etc" / "instrument.yaml",
            "ANNOUNCED": folder / "announced",
            "PACKAGED": folder / "no",
            "UPDATE_NEWS": folder / "run" / "news.json",
        }
        stand_ins = {
            "make_user": lambda: None,
            "is_booted": lambda: True,
            "properties": lambda *_: {},
            "restart": lambda _: "",
            "call": lambda *words: self.called.append([*words]) or "",
        }
        for name, value in (places | stand_ins).items():
            patch.setattr(install, name, value)

    def put_in(self, name: str, *units: Path) -> None:
        """Install a program with these units. In the units' text, the test's own folder replaces /opt/timbrebox."""
        source = make_program(self.folder / name, name)
        folder = source / "runtime" / "service"
        (folder / "timbrebox.service").write_text(f"# {self.home}\n")
        for unit in units:
            text = unit.read_text().replace("/opt/timbrebox", str(self.home))
            (folder / unit.name).write_text(text)
        self.called.clear()
        install.put_in(source, 1)

    def names(self) -> set[str]:
        return {path.name for path in self.units.iterdir()}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    return Installed(tmp_path, monkeypatch)


def test_systemd_takes_the_path_unit_with_its_service() -> None:
    if not shutil.which("systemd-analyze"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no systemd-analyze: apt-get install systemd")
    command = ["systemd-analyze", "verify", "--recursive-errors=yes", PATH_UNIT, SERVICE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_units_name_the_places_that_the_program_has() -> None:
    path_unit, service = (unit.read_text(encoding="utf-8").splitlines() for unit in (PATH_UNIT, SERVICE))
    assert {f"ConditionPathExists={SIGNERS}", f"PathExists={STATE / ARRIVED}"} <= set(path_unit)
    assert {f"RuntimeDirectory={UPDATE_NEWS.parent.name}", "RuntimeDirectoryPreserve=yes"} <= set(service)
    assert {"CapabilityBoundingSet=", "PrivateNetwork=yes", "SuccessExitStatus=2"} <= set(service)


def test_the_running_update_is_neither_restarted_nor_stopped_by_what_it_installs(installed: Installed) -> None:
    installed.put_in("new", PATH_UNIT, SERVICE)
    assert installed.names() == {"timbrebox.service", PATH_UNIT.name, SERVICE.name}
    assert ["systemctl", "enable", "timbrebox.service", PATH_UNIT.name] in installed.called
    assert ["systemctl", "restart", "--no-block", PATH_UNIT.name] in installed.called
    assert not [words for words in installed.called if SERVICE.name in words]
    installed.put_in("without")  # a version that has no such units
    assert installed.names() == {"timbrebox.service"}
    assert ["systemctl", "disable", "--now", PATH_UNIT.name] in installed.called
    assert ["systemctl", "disable", SERVICE.name] in installed.called


def test_uninstalling_removes_all_that_is_ours_and_nothing_else(installed: Installed) -> None:
    installed.put_in("new", PATH_UNIT, SERVICE)
    news, owners = installed.folder / "run" / "news.json", installed.units / "timbrebox-mine.path"
    news.parent.mkdir()
    news.touch()
    owners.write_text("# the owner's\n")
    assert install.uninstall(purge=False) == 0
    assert installed.names() == {owners.name}
    assert not news.parent.exists()
    assert Versions(installed.home).current() is None


def test_the_package_s_script_knows_every_unit() -> None:
    script = (FOLDER / "debian" / "prerm").read_text(encoding="utf-8")
    units = {path.name for path in FOLDER.iterdir() if path.suffix in (".path", ".service")}
    assert set(script.split("for unit in ")[1].split(";")[0].split()) == units
