"""Finds instruments by name: the bundled ones, and the user's own in ./instruments of the current folder."""

from __future__ import annotations

from pathlib import Path

from runtime.base.errors import UserError, did_you_mean
from runtime.instrument.decoder import Decoder

BUNDLED_FOLDER = Path(__file__).parent.parent / "bundled"
USER_FOLDER = Path("instruments")  # relative to the folder in which the user types the command
DEFAULT_INSTRUMENT = "virtual-analogue"


def available() -> dict[str, Path]:
    """Paths of the instruments by name. One in ./instruments takes the place of a bundled one with the same name."""
    found = {}
    for folder in (BUNDLED_FOLDER, USER_FOLDER):
        for path in sorted(folder.glob("*.onnx")):
            if not path.name.endswith(".encoder.onnx"):
                found[path.stem] = path
    return found


def find(name_or_path: str | None) -> Path:
    """Path of an instrument, given its name or file; None means the default one.

    A name is looked up in the bundled folder and in ./instruments of the current folder. UserError, with the most
    similar name, if neither has it; a path is not checked.
    """
    name = name_or_path or DEFAULT_INSTRUMENT
    if name.endswith(".onnx") or "/" in name:
        return Path(name)
    known = available()
    if name not in known:
        expected = "an .onnx file, or the name of a bundled instrument or of one in ./instruments here"
        raise UserError("--instrument", f"{name!r}", expected, did_you_mean(name, known))
    return known[name]


def load(name_or_path: str | None) -> Decoder:
    """Load an instrument, given its name or file; None means the default one. UserError as in `find` and Decoder."""
    return Decoder(find(name_or_path))
