"""Finds instruments by name."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from runtime.base.errors import UserError, did_you_mean
from runtime.base.files import read_bounded_file
from runtime.base.user_folders import data_folder
from runtime.instrument.decoder import Decoder
from runtime.instrument.foreign.trial import BUNDLED_FOLDER
from runtime.instrument.session import LARGEST_ONNX_BYTES

USER_FOLDER = Path("instruments")  # relative to the folder in which the user types the command
DEFAULT_INSTRUMENT = "virtual-analogue"


def available() -> dict[str, Path]:
    """Paths of the instruments by name. A user's instrument replaces a bundled one with the same name."""
    found = {}
    for folder in (BUNDLED_FOLDER, imported_folder(), USER_FOLDER):
        for path in sorted(folder.glob("*.onnx")):
            if not path.name.endswith(".encoder.onnx"):
                found[path.stem] = path
    return found


def imported_folder() -> Path:
    """The folder of the imported instruments; it may not exist yet."""
    return data_folder() / "instruments"


def find(name_or_path: str | None) -> Path:
    """The path of an instrument, given its name or file; None means the default one.

    UserError, with the most similar name, if the name is not found. A path is not checked.
    """
    name = name_or_path or DEFAULT_INSTRUMENT
    if name.endswith(".onnx") or "/" in name:
        return Path(name)
    known = available()
    if name not in known:
        expected = "an .onnx file, or the name of a bundled or imported instrument, or of one in ./instruments here"
        raise UserError("--instrument", f"{name!r}", expected, did_you_mean(name, known))
    return known[name]


def sha256_of(path: Path) -> str:
    """SHA-256 of an instrument's file, in hexadecimal, computed once for each version of the file."""
    try:
        found = path.stat()
    except OSError:
        found = None
    return _sha256(path, found and (found.st_mtime_ns, found.st_size))


@functools.lru_cache(maxsize=32)
def _sha256(path: Path, _version: object) -> str:
    return hashlib.sha256(read_bounded_file(path, "an .onnx instrument", LARGEST_ONNX_BYTES)).hexdigest()


def load(name_or_path: str | None) -> Decoder:
    """Load an instrument by its name or file, as in `find`; UserError as in `find` and in `Decoder`."""
    return Decoder(find(name_or_path))
