"""Makes a signed update: python -m runtime.service.release --key KEY [--out FOLDER] [ARCHIVE]."""

from __future__ import annotations

import argparse
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.base.command_line import run_program
from runtime.base.errors import UserError
from runtime.base.signals import signals_as_exceptions
from runtime.service.archive import opened
from runtime.service.places import PARTS, ROOT
from runtime.service.updating.order import is_released
from runtime.service.updating.signed import SUFFIX, sign
from runtime.service.versions import version_of


def release(key: Path, archive: Path | None, out: Path) -> Path:
    """Sign an archive of a checkout, and return the signed update's path.

    archive: None for an archive of this checkout.
    out: the folder for the update.
    UserError if the archive or its version cannot be used, or if OpenSSH does not sign.
    """
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="timbrebox-release-") as folder:
        archive = archive or _packed(Path(folder) / "archive.tar.gz")
        with opened(archive, Path(folder) / "unpacked") as program:
            version = version_of(program)
        if not is_released(version):
            expected = "numbers with dots, as a box takes only newer ones"
            raise UserError("pyproject.toml", f"version {version}", expected, "choose a version")
        path = out / f"timbrebox-{version}{SUFFIX}"
        sign(archive, key, path)
    return path


def _packed(path: Path) -> Path:
    """Pack this checkout, except the instruments and what only this machine can use, such as the environment."""

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = Path(member.name).name
        member.uid, member.gid, member.uname, member.gname = 0, 0, "", ""
        return None if name == "__pycache__" or name.startswith(".") or name.endswith(".pyc") else member

    top = f"timbrebox-{version_of(ROOT)}"
    with tarfile.open(path, "w:gz") as archive:
        for part in PARTS:
            if part != "instruments" and (ROOT / part).exists():  # an update leaves the owner's instruments as they are
                archive.add(ROOT / part, f"{top}/{part}", filter=kept)
    return path


def _run(arguments: argparse.Namespace) -> None:
    with signals_as_exceptions():
        path = release(arguments.key, arguments.archive, arguments.out)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, signed")


def main() -> int:
    """Parse the command line, and make the update; returns the exit status."""
    parser = argparse.ArgumentParser("python -m runtime.service.release", description=__doc__)
    parser.add_argument("archive", nargs="?", type=Path, help="a .tar.gz of a checkout (default: made of this one)")
    parser.add_argument("--key", metavar="KEY", type=Path, required=True, help="OpenSSH key that signs")
    parser.add_argument("--out", metavar="FOLDER", type=Path, default=Path(), help="where to (default: this folder)")
    return run_program(parser, _run)


if __name__ == "__main__":
    sys.exit(main())
