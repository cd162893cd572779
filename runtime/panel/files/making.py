"""Makes an instrument from recordings that a browser has sent."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.user_folders import data_folder
from runtime.panel.files.child import ROOT
from runtime.panel.files.limits import LARGEST_TAUGHT_BYTES, MOST_TAUGHT
from runtime.panel.files.uploads import Announced

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc")
_LONGEST_NAME = 60
# The note and the sound of a recording are read from its file's name. So the name is kept, but characters that could
# have a meaning in a path are replaced.
_DROPPED = re.compile(r"[^A-Za-z0-9#_ -]+")
_PREVIEW = re.compile(r"to hear how far it is: (.*\.wav)")


def workshop() -> str | None:
    """The path of a Python interpreter that has the packages for training; None if there is none."""
    if importlib.util.find_spec("tensorflow") is not None:
        return sys.executable
    python = ROOT / ".venv-workshop" / "bin" / "python"
    has_it = any(python.parent.parent.glob("lib/python3*/site-packages/tensorflow/__init__.py"))
    return str(python) if has_it and python.exists() else None


def plain_name(name: str) -> str:
    """Turn any name into a name for a file. The new name has at most 60 characters, and may be empty.

    ASCII letters, digits, spaces and the signs # _ - are kept. Each run of other characters is replaced by one hyphen.
    Spaces and hyphens at the beginning and at the end are removed.
    """
    return _DROPPED.sub("-", name)[:_LONGEST_NAME].strip(" -")


class Making:
    """The recordings for an instrument, and what has been made of them so far.

    new_folder: makes a folder and returns its path.
    """

    def __init__(self, new_folder: Callable[[], Path]):
        self._new_folder, self._python = new_folder, workshop()
        self._above: Path | None = None
        self._n_files = self._n_bytes = 0
        self._previews: list[Path] = []
        self._made: dict[str, object] | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What pages show of the recordings and the results."""
        return {
            "can_make": self._python is not None,
            "taught": {"n": self._n_files, "bytes": self._n_bytes},
            "previews": len(self._previews),
            "made": self._made,
        }

    @property
    def folder(self) -> Path:
        """The folder of the recordings, made when it is first needed."""
        if self._above is None:
            self._above = self._new_folder()
            (self._above / "recordings").mkdir()
        return self._above / "recordings"

    @property
    def program(self) -> Sequence[str]:
        return (self._python, "-m", "export")

    def refuse(self, announced: Announced) -> None:
        """Raise a UserError if this recording cannot be used for the new instrument."""
        if self._python is None:
            raise UserError(announced.name, "no workshop on this machine", "one", "./timbrebox make installs it")
        if Path(announced.name).suffix.lower() not in SUFFIXES:
            raise UserError(announced.name, "another kind of file", "WAV, FLAC, OGG, MP3 or AIFF", "leave it out")
        if self._n_files >= MOST_TAUGHT or self._n_bytes + announced.bytes > LARGEST_TAUGHT_BYTES:
            expected = f"at most {MOST_TAUGHT}, and {LARGEST_TAUGHT_BYTES:,} bytes in all"
            raise UserError(announced.name, "too many recordings", expected, "choose fewer")

    def add(self, announced: Announced, path: Path) -> None:
        """Add a received recording to those for the new instrument."""
        given = Path(announced.name)
        stem = wanted = plain_name(given.stem) or "recording"
        number = 1
        while any(self.folder.glob(f"{stem}.*")):
            number += 1
            stem = f"{wanted} {number}"
        path.rename(self.folder / f"{stem}{given.suffix.lower()}")
        self._n_files, self._n_bytes, self._made = self._n_files + 1, self._n_bytes + announced.bytes, None

    def begin(self, name: str, known: Sequence[str], minutes: int | None) -> list[str]:
        """Forget earlier results; return the arguments with which `program` makes the instrument.

        name: the new instrument's name.
        known: the names of the present instruments.
        minutes: how long the training may last; None for the program's own limit.
        UserError if there is no recording, or if `name` cannot be used.
        """
        if not self._n_files:
            raise UserError("make", "no recordings", "some", "choose recordings first")
        if name != plain_name(name) or not name:
            expected = f"letters, digits, spaces and # _ -, at most {_LONGEST_NAME}"
            raise UserError("instrument's name", repr(name), expected, "choose another name")
        out = data_folder() / "instruments" / f"{name}.onnx"
        if name in known or out.exists():
            raise UserError("instrument's name", f"{name!r}, which one has", "a free name", "choose another name")
        work = self._above / "work"
        shutil.rmtree(work, ignore_errors=True)
        self._previews, self._made = [], None
        time = [] if minutes is None else [f"--minutes={minutes}"]
        return ["make", str(self.folder), f"--name={name}", f"--out={out}", f"--work={work}", *time]

    def heard(self, line: str) -> bool:
        """Read a line that `program` has printed; return whether it names a new preview."""
        found = _PREVIEW.fullmatch(line)
        if found is None:
            return False
        self._previews.append(Path(found[1]))
        return True

    def is_made(self, name: str) -> None:
        self._made = {"name": name}

    def preview(self, number: int) -> Path:
        """The sound file of a preview; UserError if no preview has this number."""
        if not 0 <= number < len(self._previews):
            raise UserError("preview", str(number), "one of the list", "wait for it")
        return self._previews[number]

    def forget(self) -> None:
        """Delete the recordings and previews; a finished instrument stays."""
        if self._above is not None:
            shutil.rmtree(self._above, ignore_errors=True)
        self._above, self._previews, self._made = None, [], None
        self._n_files = self._n_bytes = 0
