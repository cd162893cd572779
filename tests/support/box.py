"""A Debian system in a folder, which systemd-nspawn boots; it has no sound card and no network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.support.booted import Booted

SUITE = "trixie"
INSIDE = "systemd,systemd-sysv,dbus,python3,python3-pyaudio,python3-rtmidi,libasound2t64,procps,openssh-client"
MIRROR = "http://deb.debian.org/debian"


def debian_root(folder: Path) -> Path:
    """A folder with a Debian 13 system and our package's dependencies; the first call makes it inside `folder`."""
    root = folder / f"{SUITE}-amd64"
    if not (folder / f"{root.name}.made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(root, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={INSIDE}", SUITE, root, MIRROR]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (folder / f"{root.name}.made").touch()
    return root


class Box(Booted):
    """A machine that can be started, shut down, and cut off from its power.

    root: its disk, a copy of the folder from `debian_root`.
    more: options of systemd-nspawn.
    """

    ready_within_s = 90.0

    def __init__(self, root: Path, *more: str):
        self.root, self._more = root, more
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def start(self) -> None:
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"]
        # This gives the box control groups of version 2. Debian 13's systemd does not start with version 1.
        env = os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with open(self.root.with_suffix(".log"), "ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._more, f"--machine={self.root.name}", f"--directory={self.root}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
            )  # fmt: skip
        self.wait(lambda: self._find_init() and self.run("systemctl", "is-system-running")[1], "the box's systemd", 60)

    def pull_plug(self) -> None:
        os.kill(self._init, signal.SIGKILL)
        self._process.wait(30)

    def stop(self) -> None:
        self.run("systemctl", "poweroff")
        self._process.wait(90)

    def begin(self, *command: object) -> subprocess.Popen[str]:
        words = [str(word) for word in command]
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        enter = ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--net", "--pid", "--wdns=/"]
        pipe = subprocess.PIPE
        return subprocess.Popen([*enter, "--", *words], env=clean, stdin=subprocess.DEVNULL, stdout=pipe,
                                stderr=subprocess.STDOUT, text=True)  # fmt: skip

    def run(self, *command: object, timeout_s: float = 300) -> tuple[int, str]:
        process = self.begin(*command)
        printed, _ = process.communicate(timeout=timeout_s)
        return process.returncode, printed

    def reaching(self, *command: object) -> list[str]:
        return ["nsenter", f"--target={self._init}", "--net", "--", *map(str, command)]

    def inside(self, path: str) -> Path:
        return Path(f"/proc/{self._init}/root{path}")

    def journal(self, n_lines: int) -> str:
        """The newest lines of the box's journal; an empty text before the box has booted."""
        return super().journal(n_lines) if self._init else ""

    def _find_init(self) -> bool:
        """Find the box's first process, a child of systemd-nspawn; True if it is found."""
        place = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        assert self._process.poll() is None, f"systemd-nspawn ended: {self.root.with_suffix('.log')}"
        children = [int(number) for number in place.read_text().split()]
        inits = [n for n in children if Path(f"/proc/{n}/comm").read_text().strip() == "systemd"]
        self._init = inits[0] if inits else 0
        return bool(inits)
