"""Makes signed updates, and installs them as root installs what the page has received, but in a test's folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from runtime.service import install, versions
from runtime.service.places import ARRIVED
from runtime.service.updating import installing
from runtime.service.updating.news import News, read_news
from runtime.service.updating.signed import NAMESPACE, sign
from runtime.service.updating.signers import trust
from runtime.service.versions import Versions
from tests.support.program import make_program


def make_key(path: Path, comment: str = "anna@home") -> Path:
    """Make a key without a passphrase; its public half is beside it, with the suffix .pub."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path], check=True)
    return path


def make_archive(folder: Path, version: str, **options: bool) -> Path:
    """An archive of a program that prints this version.

    other_packages: whether the program needs other packages than version 1.2.3.
    """
    program, path = make_program(folder / version, version, environment=False), folder / f"{version}.tar.gz"
    file = program / "pyproject.toml"
    file.write_text(file.read_text().replace("1.2.3", version))
    if options.get("other_packages"):
        (program / "runtime" / "requirements.txt").write_text("package==2\n")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(program, f"timbrebox-{version}")
    return path


def make_update(folder: Path, version: str, key: Path, **options: bool) -> Path:
    """A signed update to this version; options: as for `make_archive`."""
    path = folder / f"{version}.update"
    sign(make_archive(folder, version, **options), key, path)
    return path


def signed_by_hand(archive: Path, key: Path, path: Path, namespace: str = NAMESPACE) -> Path:
    """A signed update as OpenSSH's own command line makes it."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key]
    with archive.open("rb") as content:
        signature = subprocess.run(command, stdin=content, capture_output=True, check=True).stdout
    path.write_bytes(signature + archive.read_bytes())
    return path


class RootsHalf:
    """Does root's half of an update in a test's folders, as `timbrebox-update.service` does.

    At first, version 1.2.3 is installed, and the key `key` is trusted.

    state: the folder of the page's files; None for a folder `state` inside `folder`.
    problem: why the next version will not get ready; empty if it will.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, state: Path | None = None):
        self.folder, self.home, self.state = folder, folder / "opt", state or folder / "state"
        self.signers, self.news_file = folder / "etc" / "update_signers", folder / "run" / "news.json"
        self.problem = ""
        for place in (self.home, self.state / ARRIVED.parent):
            place.mkdir(parents=True, exist_ok=True)
        for module in (install, installing):
            patch.setattr(module, "HOME", self.home)
            patch.setattr(module, "STATE", self.state)
            patch.setattr(module, "UNPACKED", self.home / ".unpacked")
        patch.setattr(installing, "SIGNERS", self.signers)
        patch.setattr(installing, "UPDATE_NEWS", self.news_file)
        patch.setattr(install, "SETTINGS", folder / "etc" / "instrument.yaml")
        patch.setattr(install, "UNITS", folder / "units")
        patch.setattr(install, "call", lambda *_: "")
        patch.setattr(install, "make_user", lambda: None)
        patch.setattr(install, "last_line", lambda *_, **__: "")
        patch.setattr(versions.os, "sync", lambda: None)  # it would wait until the machine has written everything
        patch.setattr(install, "is_booted", lambda: True)
        patch.setattr(install, "properties", lambda *_: {})
        patch.setattr(install, "restart", self._restart)
        patch.setattr(install, "refuse_fleeting_disk", lambda _: None)
        self.key = make_key(folder / "key")
        trust(self.key.with_suffix(".pub"), self.signers)
        self.versions = Versions(self.home)
        self.versions.switch(self.versions.add(make_program(folder / "first", "1.2.3")))

    @property
    def arrived(self) -> Path:
        return self.state / ARRIVED

    @property
    def news(self) -> News | None:
        return read_news(self.news_file)

    @property
    def plays(self) -> str:
        return (self.home / "current" / "timbrebox").read_text().split()[1]

    def arrive(self, update: Path) -> None:
        shutil.copyfile(update, self.arrived)

    def run(self) -> int:
        return installing.install_arrived(1)

    def left(self) -> list[str]:
        return os.listdir(self.arrived.parent) + [path.name for path in self.home.glob(".[u]*")]

    def _restart(self, _within_s: float) -> str:
        problem, self.problem = self.problem, ""
        return problem
