"""Find instruments by name: those that the project brings, and the user's own."""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.decoder import Decoder
from runtime.errors import UserError, did_you_mean

BUNDLED_FOLDER = Path(__file__).parent / "bundled"
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`instruments` takes no options."""


def run(_arguments: argparse.Namespace) -> int:
    """List every instrument: name, notes, knobs, presets, licence and file."""
    from runtime.pitch import note_name

    for name, path in available().items():
        try:
            card = Decoder(path).card
        except UserError as error:
            print(f"{name}: not playable: {error}")
            continue
        lowest, highest = card.note_range
        print(f"{name}: {note_name(lowest)} to {note_name(highest)}, {card.n_latents} knobs, {path}")
        print(f"  knobs: {', '.join(latent.name for latent in card.latents)}")
        print(f"  presets: {', '.join(preset.name for preset in card.presets) or 'none'}")
        print(f"  licence: {card.licence or 'not stated'}")
    if not available():
        print("no instruments here; make one with ./timbrebox export, or name an .onnx file with --instrument")
    return 0
