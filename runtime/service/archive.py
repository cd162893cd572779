"""Unpacks an untrusted archive of the program: limits the unpacked size, and keeps all files in the target folder."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.base.errors import UserError
from runtime.service.places import ENVIRONMENT

LARGEST_BYTES = 2 * 2**30
MOST_FILES = 50_000
_EXPECTED = "a .tar.gz of a Timbrebox checkout"


@contextmanager
def opened(source: Path, folder: Path) -> Iterator[Path]:
    """Yield the program's folder: `source` itself if it is a folder, else the unpacked archive.

    folder: where an archive is unpacked; deleted before and after.
    UserError if `source` is neither a folder nor a readable archive, or if the archive is too large.
    """
    if source.is_dir():
        yield source.resolve()
        return
    if not source.is_file():
        found = "something that is no file" if source.exists() else "no such file"
        raise UserError(source, found, _EXPECTED, "check the path")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        _unpack(source, folder)
        inside = list(folder.iterdir())
        # In an archive that a web page offers, all files are in one folder. An archive that `git archive` made has no
        # such folder.
        yield inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(source: Path, folder: Path) -> None:
    n_bytes, room = 0, min(LARGEST_BYTES, shutil.disk_usage(folder).free // 2)
    try:
        with tarfile.open(source, "r:gz") as archive:
            for number, member in enumerate(archive, 1):
                n_bytes += member.size
                if n_bytes > room or number > MOST_FILES:
                    found = f"more than {room / 2**20:,.0f} MB or {MOST_FILES:,} files"
                    raise UserError(source, found, _EXPECTED, "check the archive, and the room on this machine")
                # Leave out a Python environment: it works only on the machine where it was made.
                if ENVIRONMENT not in Path(member.name).parts[:2]:
                    archive.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise UserError(source, f"no readable archive ({error})", _EXPECTED, "get it again") from None
