"""Simulates power cuts during `service install` and `service update`."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.places import ROOT
from tests.support.power_cuts import CONFIRMED, Call, Disk, Folder, read_calls
from tests.support.program import make_program

_CALLS = "openat,write,fsync,sync,rename,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,close"
SETTINGS, UNIT = Path("etc/timbrebox/instrument.yaml"), Path("etc/systemd/timbrebox.service")
# This program installs one source folder after another; each replaces the version that plays. It runs no commands of
# systemd.
_PROGRAM = """
import os, shutil, sys
from pathlib import Path
from runtime.service import install, system, versions
home = Path(sys.argv[1])
shutil._USE_CP_SENDFILE = False  # what is copied is seen as it is written
install.HOME, install.STATE = home / "opt", home / "state"
install.SETTINGS, install.UNITS = home / "etc/timbrebox/instrument.yaml", home / "etc/systemd"
install.call, install.make_user, install.is_booted = lambda *words: "", lambda: None, lambda: False
for source in sys.argv[2:]:
    with install.alone(anyway=True):
        install.put_in(Path(source), 1)
    os.write(1, CONFIRMED)
"""
SOURCES = ("one", "two", "three", "two")


class _Link:
    def __init__(self, target: bytes):
        self.target = target


class _DiskWithLinks(Disk):
    """A Disk that also simulates links, paths relative to an open folder, and the call `sync`."""

    def happen(self, call: Call) -> None:
        folder = self._open.get(_number(call.rest))
        if call.name == "sync":
            self._flush_all(self._root)
        elif call.name in ("unlink", "unlinkat", "rmdir") and (place := self._below(call, folder, 0)):
            self._change(place[0], {place[1]: None})
        elif call.name in ("symlink", "symlinkat") and (place := self._below(call, None, 1)):
            self._change(place[0], {place[1]: _Link(call.words[0])})
        elif call.name in ("link", "linkat") and (place := self._below(call, None, 1)):
            old = self._place(call.words[0])
            self._change(place[0], {place[1]: old[0].entries[old[1]]})
        elif call.name == "openat" and isinstance(folder, Folder) and not call.words[0].startswith(b"/"):
            self._open[call.result] = folder.entries[os.fsdecode(call.words[0])]
        else:
            super().happen(call)

    def _below(self, call: Call, folder: object, number: int) -> tuple[Folder, str] | None:
        """The folder and the name of the path `call.words[number]`; None for a path outside the home.

        A relative path begins at `folder`.
        """
        path = call.words[number]
        if isinstance(folder, Folder) and not path.startswith(b"/"):
            return folder, os.fsdecode(path)
        return self._place(path)

    def _flush_all(self, entry: object) -> None:
        self._flush(entry)
        if isinstance(entry, Folder):
            for inner in entry.entries.values():
                self._flush_all(inner)

    def _write_entry(self, entry: object, target: Path, chance: random.Random) -> None:
        if isinstance(entry, _Link):
            target.symlink_to(os.fsdecode(entry.target))
        else:
            super()._write_entry(entry, target, chance)


def _number(rest: str) -> int:
    match = re.match(r"\d+", rest)
    return int(match[0]) if match else -1


def run_cuts(n_cuts: int, folder: Path, seed: int = 0) -> dict[str, int]:
    """Cut the power `n_cuts` times, and check each time the version that then plays (see `_look`).

    After one cut in 50, an update is installed, too. AssertionError if a check fails; CalledProcessError if an update
    fails.

    folder: an empty folder.
    Returns the numbers of cuts, of system calls, and of updates after a cut.
    """
    home, chance, n_updated = folder / "home", random.Random(seed), 0
    sources = [str(make_program(folder / name, name, environment=name == "one")) for name in sorted(set(SOURCES))]
    home.mkdir()
    command = [sys.executable, "-c", _PROGRAM.replace("CONFIRMED", repr(CONFIRMED)), home]
    order = [str(folder / name) for name in SOURCES]
    strace = ["strace", "-o", folder / "calls", "-xx", "-s", "100000", "-e", f"trace={_CALLS}", "-e", "signal=none"]
    subprocess.run([*strace, *command, *order], cwd=ROOT, check=True, capture_output=True, env=_environment())
    calls = read_calls(folder / "calls")
    first = next(n for n, call in enumerate(calls) if call.name == "mkdir" and call.words[0].startswith(bytes(home)))
    shutil.rmtree(home)
    for number in range(n_cuts):
        disk = _DiskWithLinks(home)
        for call in calls[: chance.randint(first, len(calls))]:
            disk.happen(call)
        disk.write_what_is_left(home, chance)
        _look(home, folder, disk.n_confirmed)
        if number % 50 == 0:
            subprocess.run([*command, sources[0]], cwd=ROOT, check=True, capture_output=True, env=_environment())
            _look(home, folder, SOURCES.index("one") + 1, only=True)
            assert len(list((home / "opt" / "versions").iterdir())) <= 2
            n_updated += 1
        shutil.rmtree(home)
    return {"cuts": n_cuts, "system calls": len(calls) - first, "updates afterwards": n_updated}


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def _look(home: Path, folder: Path, n_confirmed: int, *, only: bool = False) -> None:
    """Check the version that plays after a cut: it must be complete, and it must be allowed.

    The version of the newest confirmed installation is allowed; if none was confirmed, no version need play. The next
    version is allowed, too, unless `only` is true.
    n_confirmed: number of installations that were confirmed before the cut.
    """
    current = home / "opt" / "current"
    possible = [None, *SOURCES][n_confirmed : n_confirmed + (1 if only else 2)]
    if not current.exists():
        assert None in possible, f"nothing plays after step {n_confirmed}"
        return
    playing = (current / "timbrebox").read_text().split()[1]
    assert playing in possible, (playing, possible)
    for path in sorted((folder / playing).rglob("*")):
        copy = current / path.relative_to(folder / playing)
        assert path.is_dir() or copy.read_bytes() == path.read_bytes(), copy
    assert (current / ".venv" / "lib" / "package.py").read_text() == "VALUE = 1\n"
    assert b"volume_db" in (home / SETTINGS).read_bytes()
    assert n_confirmed == 0 or (home / UNIT).read_text() == "# /opt/timbrebox\n"
