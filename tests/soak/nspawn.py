"""Tests the service on a real systemd, in a box: python -m tests.soak.nspawn [--folder DIR] [--cuts N] [--out F.md].

The box is a Debian in a container. It has no sound card, no keyboard and no real-time priorities. The test needs root,
2 GB in DIR, a network for the first run, and the Debian packages debootstrap and systemd-container. It prints a table,
and writes it to F.md. Each line of the table is a step that succeeded.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from runtime.service.debian.package import build
from runtime.service.places import ANNOUNCED, HOME, PACKAGED, SETTINGS, STATE
from tests.support.box import Box, debian_root
from tests.support.places import ROOT

PLAY = Path("runtime", "commands", "play.py")
CRASHES, HANGS = "raise SystemExit(1)\n", "import time\ntime.sleep(1000)\n"
QUIET = 'volume_db: -3.0\naudio: {device: "null"}\n'
SOUND = "sound_version: 1\nname: mine\nlevel_db: -4.0\n"


class Material:
    """Makes packages and archives of several revisions, some of them broken."""

    def __init__(self, folder: Path, architecture: str = "amd64"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self.deb, self.installed_mb = build(architecture, 1, folder)
        self.tree = folder / "tree"
        subprocess.run(["dpkg-deb", "-R", self.deb, self.tree], check=True)

    def package(self, revision: int, first_line: str = "") -> Path:
        """Build a package of this revision; first_line: code put at the beginning of play.py."""
        control = self.tree / "DEBIAN" / "control"
        text = control.read_text().splitlines()
        text[1] = f"Version: {text[1].split()[1].split('-')[0]}-{revision}"
        control.write_text("\n".join(text) + "\n")
        path = self.folder / f"revision-{revision}.deb"
        with _Changed(self.tree / PACKAGED.relative_to("/") / PLAY, first_line):
            subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "-b", self.tree, path], check=True, capture_output=True)
        return path

    def archive(self, name: str, first_line: str = "") -> Path:
        """Make an archive of the program without its Python environment; first_line: as for `package`."""
        home, path = self.tree / PACKAGED.relative_to("/"), self.folder / f"{name}.tar.gz"
        with _Changed(home / PLAY, first_line), tarfile.open(path, "w:gz", compresslevel=1) as archive:
            for part in sorted(home.iterdir()):
                if part.name != ".venv":
                    archive.add(part, f"timbrebox-new/{part.name}")
        return path


class _Changed:
    def __init__(self, path: Path, first_line: str):
        self._path, self._line = path, first_line

    def __enter__(self) -> None:
        self._before = self._path.read_text()
        after = "from __future__ import annotations\n"
        self._path.write_text(self._before.replace(after, after + self._line))

    def __exit__(self, *_: object) -> None:
        self._path.write_text(self._before)


class Rig:
    def __init__(self, box: Box, material: Material, seed: int):
        self.box, self._material, self._chance = box, material, random.Random(seed)

    def steps(self, n_cuts: int) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "`dpkg -i` on a fresh system", self.first_package
        yield "owner's settings and a sound of his own", self.owner_settles
        yield "kill -9, five times", self.kills
        yield "SIGSTOP", self.stops
        yield "a typo in the settings", self.typo
        yield "package of revision 2", self.upgrade
        yield "package of revision 3, which crashes at the start", self.failed_upgrade
        yield "`apt` is mended by revision 4", self.mending_upgrade
        yield "`service update` from an archive", self.update
        yield "`service update` from a folder", self.update_from_folder
        yield "an archive that crashes", lambda: self.failed_update("crashes", "ended 3 times")
        yield "an archive that never gets ready", lambda: self.failed_update("hangs", "not ready after 30 s")
        yield "archives that are none", self.no_archives
        yield "two updates at once", self.two_at_once
        yield "second `service install`", self.second_install
        yield "reboot", self.reboot
        for number in range(n_cuts):
            yield f"everything in the box killed at once while `update` runs, {number + 1}", self.cut_update
        yield "package removed", self.remove
        yield "package installed again", self.first_package_again
        yield "package purged", self.purge
        yield "from a checkout: `service install`, `uninstall`, `uninstall --purge`", self.checkout

    def first_package(self) -> str:
        seconds = self._dpkg("-i", "/material/" + self._material.deb.name)
        assert "it starts with the machine" in self._status()
        assert "No sound card yet" in self._status()
        return f"READY, {seconds:.0f} s for all; `service status` says what it waits for"

    def owner_settles(self) -> str:
        self._write(SETTINGS, QUIET)
        self._write(STATE / "sounds" / "mine.yaml", SOUND)
        self._run("systemctl", "restart", "timbrebox")
        assert "No sound card" not in self._status()
        return "played; restart by systemctl"

    def kills(self) -> str:
        took = [self._after_signal("KILL") for _ in range(5)]
        assert self.box.service()["NRestarts"] == "5"
        assert "restarted by itself 5 times" in self._status()
        return f"READY again after {min(took):.1f} to {max(took):.1f} s"

    def stops(self) -> str:
        return f"the watchdog restarts it: READY after {self._after_signal('STOP'):.1f} s"

    def typo(self) -> str:
        before = self.box.service()["NRestarts"]
        self._write(SETTINGS, "volumen_db: 3\n")
        self._run("systemctl", "restart", "timbrebox")
        said = self._status()
        assert "settings are not used, but the last good ones" in said, said
        assert "To mend it: correct /etc/timbrebox/instrument.yaml" in said, said
        time.sleep(5)
        assert self.box.service()["NRestarts"] == "0" != before
        self._write(SETTINGS, QUIET)
        self._run("systemctl", "restart", "timbrebox")
        return "plays with the last good ones, no restart; `status` names file, key and mend"

    def upgrade(self) -> str:
        old = self.box.service()["InvocationID"]
        seconds = self._dpkg("-i", "/material/revision-2.deb")
        assert self.box.service()["InvocationID"] != old
        return f"{seconds:.0f} s; the old one played until the new one was there; {self._nothing_lost()}"

    def failed_upgrade(self) -> str:
        old = self._version()
        status, said = self.box.run("dpkg", "-i", "/material/revision-3.deb")
        assert status != 0, said
        assert f"the version before, {old}, plays again" in said, said
        self._plays(old)
        return f"dpkg fails in one line of ours, the version before plays; {self._nothing_lost()}"

    def mending_upgrade(self) -> str:
        seconds = self._dpkg("-i", "/material/revision-4.deb")
        return f"{seconds:.0f} s; {self._nothing_lost()}"

    def update(self) -> str:
        old, began_s = self._version(), time.monotonic()
        self._run("timbrebox", "service", "update", "/material/good.tar.gz")
        assert self._version() != old
        return f"{time.monotonic() - began_s:.0f} s, packages taken over; {self._nothing_lost()}"

    def update_from_folder(self) -> str:
        self._run("tar", "-xzf", "/material/good.tar.gz", "-C", "/root")
        old = self._version()
        self._run("timbrebox", "service", "update", "/root/timbrebox-new")
        assert self._version() != old
        return self._nothing_lost()

    def failed_update(self, name: str, words: str) -> str:
        old, began_s = self._version(), time.monotonic()
        command = ["timbrebox", "service", "update", f"/material/{name}.tar.gz", "--within", "30"]
        status, said = self.box.run(*command)
        assert (status, said.count("\n")) == (2, 1), said
        assert words in said, said
        assert "Stopped" not in said, "that is what the old version said"
        assert f"{old}, plays again" in said, said
        self._plays(old)
        return f"one line, status 2, the old version is READY after {time.monotonic() - began_s:.0f} s in all"

    def no_archives(self) -> str:
        old = self.box.service()
        for name in ("/etc/passwd", "/dev/zero", "/nowhere", "/material/escape.tar.gz", "/usr/share"):
            status, said = self.box.run("timbrebox", "service", "update", name)
            assert (status, said.count("\n")) == (2, 1), said
        assert not (self.box.root / "root" / "escaped").exists()
        assert self.box.service()["InvocationID"] == old["InvocationID"]
        return "text, device, nothing, a path that climbs out, a folder of something else: one line and status 2 each"

    def two_at_once(self) -> str:
        first = self.box.begin("timbrebox", "service", "update", "/material/good.tar.gz")
        self.box.wait((self.box.root / "opt/timbrebox/.unpacked").exists, "an update under way", 30)
        status, said = self.box.run("timbrebox", "service", "update", "/material/good.tar.gz")
        assert (status, said.count("\n")) == (2, 1), said
        assert "another installation under way" in said, said
        assert first.wait(120) == 0
        return "the second is refused in one line, the first goes on"

    def second_install(self) -> str:
        self._run("timbrebox", "service", "install")
        return self._nothing_lost()

    def reboot(self) -> str:
        self.box.stop()
        self.box.start()
        took = self.box.wait_for_ready()
        return f"plays by itself, {took:.1f} s after systemd answers; {self._nothing_lost()}"

    def cut_update(self) -> str:
        process = self.box.begin("timbrebox", "service", "update", "/material/good.tar.gz")
        after_s = self._chance.uniform(0.3, 12.0)
        time.sleep(after_s)
        self.box.pull_plug()
        process.wait(30)
        self.box.start()
        self.box.wait_for_ready()
        return f"after {after_s:.1f} s; it boots and plays; {self._nothing_lost()}"

    def remove(self) -> str:
        announces = HOME / "current/runtime/service/avahi" / ANNOUNCED.name
        self._run("install", "-D", "--mode=644", announces, ANNOUNCED)  # as docs/panel.md tells the owner to do
        self._dpkg("--remove", "timbrebox")
        status, _ = self.box.run("systemctl", "cat", "timbrebox.service")
        assert status != 0
        for gone in (HOME, PACKAGED, Path("/usr/bin/timbrebox"), ANNOUNCED):
            assert not (self.box.root / gone.relative_to("/")).exists(), gone
        assert self._read(SETTINGS) == QUIET
        assert self._read(STATE / "sounds" / "mine.yaml") == SOUND
        return "no unit, no program, no announcement of the page; settings and sound are kept"

    def first_package_again(self) -> str:
        self._dpkg("-i", "/material/" + self._material.deb.name)
        return self._nothing_lost()

    def purge(self) -> str:
        self._dpkg("--purge", "timbrebox")
        return self._nothing_is_left()

    def checkout(self) -> str:
        program = self._material.tree / PACKAGED.relative_to("/")
        shutil.copytree(program, self.box.root / "root" / "checkout", symlinks=True)
        service = ["sh", "/root/checkout/timbrebox", "service"]
        self._run(*service, "install")
        self.owner_settles()
        self._run(*service, "uninstall")
        assert self._read(SETTINGS) == QUIET
        assert self.box.run(*service, "uninstall") == (0, "The service is not installed; nothing to remove.\n")
        self._run(*service, "install")
        self._nothing_lost()
        self._run(*service, "uninstall", "--purge")
        return f"the owner's files are kept, then gone; {self._nothing_is_left()}"

    def _nothing_is_left(self) -> str:
        left = [p for p in ("etc/timbrebox", "var/lib/timbrebox", "opt/timbrebox") if (self.box.root / p).exists()]
        units = list((self.box.root / "etc/systemd/system").rglob("timbrebox*"))
        assert (left, units) == ([], [])
        assert self.box.run("getent", "passwd", "timbrebox")[0] != 0
        return "no file, no unit and no user is left"

    def _nothing_lost(self) -> str:
        self.box.wait_for_ready()
        assert self._read(SETTINGS) == QUIET
        assert self._read(STATE / "sounds" / "mine.yaml") == SOUND
        said = self._status()
        assert "not used" not in said, said
        assert "No sound card" not in said, said
        return "settings and sound are the owner's"

    def _after_signal(self, name: str) -> float:
        before = self.box.service()["InvocationID"]
        self._run("systemctl", "kill", "--kill-whom=main", f"--signal={name}", "timbrebox")
        began_s = time.monotonic()
        self.box.wait(lambda: self.box.service()["InvocationID"] != before, "restart", 60)
        self.box.wait_for_ready()
        return time.monotonic() - began_s

    def _plays(self, version: str) -> None:
        assert self._version() == version
        self.box.wait_for_ready()

    def _version(self) -> str:
        return (self.box.root / "opt/timbrebox/current").readlink().name

    def _status(self) -> str:
        return self._run("/opt/timbrebox/current/timbrebox", "service", "status")

    def _dpkg(self, *words: str) -> float:
        began_s = time.monotonic()
        self._run("dpkg", *words)
        return time.monotonic() - began_s

    def _run(self, *command: object) -> str:
        status, said = self.box.run(*command)
        assert status == 0, (command, said)
        return said

    def _read(self, path: Path) -> str:
        return (self.box.root / path.relative_to("/")).read_text()

    def _write(self, path: Path, text: str) -> None:
        place = self.box.root / path.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o644)


def overlay_refuses(root: Path) -> str:
    """Check a box whose changes stay in memory: it must play, and must refuse an update."""
    box = Box(root, "--volatile=overlay")
    box.start()
    try:
        box.wait_for_ready()
        status, said = box.run("/opt/timbrebox/current/timbrebox", "service", "update", "/material/good.tar.gz")
        assert (status, said.count("\n")) == (2, 1), said
        assert "an overlay, whose changes are lost at power-off" in said, said
    finally:
        box.pull_plug()
    return "the service plays; `service update` is refused in one line with the mend"


def prepare(folder: Path) -> tuple[Box, Material]:
    material = Material(folder / "material")
    material.package(2)
    material.package(3, CRASHES)
    material.package(4)
    for name, line in (("good", ""), ("crashes", CRASHES), ("hangs", HANGS)):
        material.archive(name, line)
    with tarfile.open(material.folder / "escape.tar.gz", "w:gz") as archive:
        archive.add(ROOT / "LICENSE", "../../../root/escaped")
    return fresh_box(folder, material), material


def fresh_box(folder: Path, material: Material) -> Box:
    root = folder / "box"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", debian_root(folder), root], check=True)
    (root / "etc" / "machine-id").write_text("")
    shutil.copytree(material.folder, root / "material", ignore=shutil.ignore_patterns("tree"))
    return Box(root)


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.soak.nspawn", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/timbrebox-box"))
    parser.add_argument("--cuts", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    box, material = prepare(arguments.folder)
    size = f"{material.deb.stat().st_size / 1e6:.1f} MB, installed {material.installed_mb:.0f} MB"
    rows = [f"Run on {date.today():%d %B %Y}; package for amd64: {size}.\n", "| step | seen |", "|---|---|"]
    box.start()
    try:
        rig = Rig(box, material, arguments.seed)
        for name, step in rig.steps(arguments.cuts):
            if name == "package removed":
                box.stop()
                rows.append(_row("a read-only root: overlay in memory", lambda: overlay_refuses(box.root)))
                box.start()
            rows.append(_row(name, step))
    finally:
        box.pull_plug()
        if arguments.out:
            arguments.out.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _row(name: str, step: Callable[[], str]) -> str:
    row = f"| {name} | {step()} |"
    print(row, flush=True)
    return row


if __name__ == "__main__":
    main()
