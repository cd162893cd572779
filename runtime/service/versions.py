"""The installed versions of the program, and a link, `current`, to the version that plays.

A version is made beside the others and flushed to the disk; then the link is replaced atomically. So after a power cut
the link leads to a complete version.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import stat
import subprocess
import tomllib
from contextlib import suppress
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import make_folder, sync_folder
from runtime.service.places import ENVIRONMENT, PACKAGED, PARTS

_LIST = Path("runtime", "requirements.txt")
_INSTRUMENTS = "instruments"


class Versions:
    """The versions in the folder `home`, which may not exist yet."""

    def __init__(self, home: Path):
        self._home, self._folder, self._link = home, home / "versions", home / "current"

    def current(self) -> Path | None:
        """The folder of the version that plays, or None."""
        found = self._link.resolve()
        return found if self._link.is_symlink() and found.is_dir() else None

    def add(self, source: Path) -> Path:
        """Copy the program in `source` into a new version, and return its folder.

        UserError if `source` does not hold the program, or if no suitable Python environment can be copied or made.
        OSError if the disk is full.
        """
        make_folder(self._folder)
        self._remove_unfinished()
        name = f"{version_of(source)}-{self._next_number()}"
        partial = self._folder / f".{name}.partial"
        partial.mkdir()
        try:
            self._fill(partial, source)
            compileall.compile_dir(partial, quiet=2, workers=1)
            _protect(partial)
            os.sync()  # one flush of everything: a flush of each of 5,000 files would take minutes on a memory card
            partial.rename(self._folder / name)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_folder(self._folder)
        return self._folder / name

    def switch(self, version: Path) -> None:
        """Let the link `current` lead to this version."""
        partial = self._home / ".current.partial"
        partial.unlink(missing_ok=True)
        partial.symlink_to(version.relative_to(self._home))
        partial.replace(self._link)
        sync_folder(self._home)

    def prune(self, *kept: Path | None) -> None:
        """Delete all versions except `kept`, and the files that older installations put directly into `home`."""
        for folder in self._folder.iterdir():
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        for part in (*PARTS, ENVIRONMENT):
            left = self._home / part
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)

    def _remove_unfinished(self) -> None:
        for left in self._folder.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)

    def _next_number(self) -> int:
        numbers = [re.search(r"-(\d+)$", folder.name) for folder in self._folder.iterdir()]
        return max((int(number[1]) for number in numbers if number), default=0) + 1

    def _fill(self, target: Path, source: Path) -> None:
        # Files of a packaged or installed version are never changed in place, so hard links to them are safe.
        shares = source == PACKAGED
        for part in PARTS:
            if (source / part).exists():
                _copy(source / part, target / part, shares)
        current = self.current()
        for old in (current or self._home, self._home):
            _keep_instruments(old / _INSTRUMENTS, target / _INSTRUMENTS)
        for place in (source, current):
            if place is not None and has_environment(place, target):
                refuse_hidden_python((place / ENVIRONMENT / "bin" / "python").resolve())
                _copy(place / ENVIRONMENT, target / ENVIRONMENT, shares or place == current)
                return
        _make_environment(target)


def version_of(source: Path) -> str:
    """The version number of the program in a folder; UserError if the folder does not hold the program."""
    try:
        with open(source / "pyproject.toml", "rb") as stream:
            project = tomllib.load(stream)["project"]
        if project["name"] == "timbrebox" and (source / "timbrebox").is_file() and (source / _LIST).is_file():
            return re.sub(r"[^0-9a-z.+]", "", project["version"])
    except (OSError, KeyError, ValueError):
        pass
    raise UserError(source, "no Timbrebox", "a checkout, or an archive of one", "check the path")


def has_environment(place: Path, version: Path) -> bool:
    """Whether the Python environment in `place` has the packages that `version` needs."""
    with suppress(OSError):
        made_from = (place / ENVIRONMENT / "installed.txt").read_bytes()
        return made_from == (version / _LIST).read_bytes() and (place / ENVIRONMENT / "bin" / "python").exists()
    return False


def refuse_hidden_python(python: Path) -> None:
    """UserError if the service cannot reach this Python."""
    hidden = any(python.is_relative_to(place) for place in ("/home", "/root", "/run/user"))
    if hidden or not all(path.stat().st_mode & stat.S_IXOTH for path in (python, *python.parents)):
        raise UserError(
            "service install",
            f"the Python {python}, which only its owner can reach",
            "one for the whole machine",
            f"remove the folder {ENVIRONMENT} of the checkout, then type there: "
            "sudo env PATH=/usr/sbin:/usr/bin:/sbin:/bin ./timbrebox service install",
        )


def _keep_instruments(old: Path, new: Path) -> None:
    """Copy the owner's instruments that are in `old` and not in `new`."""
    for path in old.glob("*.onnx"):
        if not (new / path.name).exists():
            new.mkdir(exist_ok=True)
            _copy(path, new / path.name, shares=True)


def _make_environment(version: Path) -> None:
    """Make the environment by running the version's own launcher, which reports progress on stderr."""
    done = subprocess.run(["sh", version / "timbrebox", "instruments"], stdout=subprocess.DEVNULL, check=False)
    (version / f"{ENVIRONMENT}.lock").unlink(missing_ok=True)
    if done.returncode or not has_environment(version, version):
        remedy = "see the lines above; the version that plays was not touched"
        raise UserError("service", "packages that cannot be installed", "those of its list", remedy)
    refuse_hidden_python((version / ENVIRONMENT / "bin" / "python").resolve())


def _copy(source: Path, target: Path, shares: bool) -> None:
    """Copy a file or a folder.

    shares: whether to make hard links instead of copies, where the file system allows it.
    """
    copy = _link_or_copy if shares else shutil.copy2
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, copy_function=copy)
    else:
        copy(source, target)


def _link_or_copy(source: str | Path, target: str | Path, *, follow_symlinks: bool = True) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=follow_symlinks)


def _protect(folder: Path) -> None:
    """Give a folder and its contents to root, which runs this: only root can write them; everybody can read them."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
