"""Find instruments by name: those that the project brings, and the user's own."""

from __future__ import annotations

from pathlib import Path

from runtime.base.errors import UserError, did_you_mean
from runtime.instrument.decoder import Decoder

BUNDLED_FOLDER = Path(__file__).parent.parent / "bundled"
USER_FOLDER = Path("instruments")
DEFAULT_INSTRUMENT = "virtual-analogue"


def available() -> dict[str, Path]:
    """Paths of the instruments by name: bundled ones, then those in ./instruments, which win on the same name."""
    found = {}
    for folder in (BUNDLED_FOLDER, USER_FOLDER):
        for path in sorted(folder.glob("*.onnx")):
            if not path.name.endswith(".encoder.onnx"):
                found[path.stem] = path
    return found


def find(name_or_path: str | None) -> Path:
    """Path of an instrument by its name or its file; UserError that suggests the nearest name."""
    name = name_or_path or DEFAULT_INSTRUMENT
    if name.endswith(".onnx") or "/" in name:
        return Path(name)
    known = available()
    if name not in known:
        raise UserError("--instrument", f"{name!r}", "a known instrument or an .onnx file", did_you_mean(name, known))
    return known[name]


def load(name_or_path: str | None) -> Decoder:
    """The instrument, loaded and verified."""
    return Decoder(find(name_or_path))
