"""Fetches packages of sounds from Debian and npm into the user's cache folder."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from runtime.base.errors import UserError

_ONLINE = "check the network, then try again"


def cache_folder() -> Path:
    """The folder of the fetched packages: timbrebox/packages in $XDG_CACHE_HOME, or in ~/.cache if that is not set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "timbrebox" / "packages"


def debian_file(package: str, path: str) -> Path:
    """Return the path of a Debian package's file; fetch the package if it is neither installed nor fetched yet.

    path: the file in the package, such as usr/lib/dssi/hexter.so.
    UserError if the package cannot be fetched or has no such file.
    """
    here = debian_file_here(package, path)
    if here is not None:
        return here
    found = _fetched(f"debian-{package}", lambda folder: _fetch_debian(package, folder)) / path
    if not found.exists():
        raise UserError(f"package {package}", f"no {path}", "that file", f"install {package} with apt-get")
    return found


def debian_file_here(package: str, path: str) -> Path | None:
    """The path of a file of an installed or fetched Debian package; None if there is no such file."""
    places = (Path("/") / path, cache_folder() / f"debian-{package}" / path)
    return next((place for place in places if place.exists()), None)


def npm_package(package: str, version: str, sha512: str) -> Path:
    """The folder of an npm package, which is fetched and unpacked if it is not there; UserError if fetching fails.

    sha512: the archive's digest in base64.
    """
    name = f"npm-{package}-{version}"
    return _fetched(name, lambda folder: _fetch_npm(package, version, sha512, folder)) / "package"


def npm_licence(folder: Path) -> str:
    """The licence that an unpacked npm package names in its package.json; empty if it names none."""
    return str(json.loads((folder / "package.json").read_text(encoding="utf-8")).get("license", ""))


def _fetched(name: str, fetch: Callable[[Path], None]) -> Path:
    target = cache_folder() / name
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=target.parent))
    try:
        fetch(part)
        part.chmod(0o755)
        if not target.is_dir():
            part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _fetch_debian(package: str, folder: Path) -> None:
    remedy = f"install it with: sudo apt-get install {package}"
    with tempfile.TemporaryDirectory() as downloads:
        for command in (["apt-get", "download", "-q", package], ["dpkg", "-x", "*.deb", str(folder)]):
            files = [str(path) for path in Path(downloads).glob("*.deb")]
            command = [part for word in command for part in (files if word == "*.deb" else [word])]
            try:
                done = subprocess.run(command, cwd=downloads, capture_output=True, text=True, check=False)
            except OSError as error:
                raise UserError(f"package {package}", f"no {command[0]} ({error.strerror})", "Debian", remedy) from None
            if done.returncode:
                detail = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
                raise UserError(f"package {package}", detail, "a package that can be fetched", remedy)


def _fetch_npm(package: str, version: str, sha512: str, folder: Path) -> None:
    where = f"npm package {package} {version}"
    with tempfile.TemporaryDirectory() as downloads:
        command = ["npm", "pack", "--silent", f"{package}@{version}"]
        try:
            done = subprocess.run(command, cwd=downloads, capture_output=True, text=True, check=False)
        except OSError:
            remedy = "install it with: sudo apt-get install npm"
            raise UserError(where, "no npm", "npm, which fetches it", remedy) from None
        archives = list(Path(downloads).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            detail = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise UserError(where, detail, "a package that can be fetched", _ONLINE)
        content = archives[0].read_bytes()
        if base64.b64encode(hashlib.sha512(content).digest()).decode() != sha512:
            raise UserError(where, "another content than expected", f"SHA-512 {sha512[:12]}...", _ONLINE)
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder, filter="data")
