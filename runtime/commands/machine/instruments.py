"""List the instruments, with their knobs, presets and licences."""

from __future__ import annotations

import argparse

from runtime.base.errors import UserError, printable
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import available


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: `instruments` has no options."""


def run(_arguments: argparse.Namespace) -> int:
    """Print every instrument: name, range of notes, file, knobs, presets and licence."""
    from runtime.acoustics.pitch import note_name

    for name, path in available().items():
        try:
            card = Decoder(path).card
        except UserError as error:
            _say(f"{name}: not playable: {error}")
            continue
        lowest, highest = card.note_range
        _say(f"{name}: {note_name(lowest)} to {note_name(highest)}, {card.n_latents} knobs, {path}")
        _say(f"  knobs: {', '.join(latent.name for latent in card.latents)}")
        _say(f"  presets: {', '.join(preset.name for preset in card.presets) or 'none'}")
        _say(f"  licence: {card.licence or 'not stated'}")
    if not available():
        print("no instruments here; make one with ./timbrebox export, or give an .onnx file to --instrument")
    return 0


def _say(line: str) -> None:
    """Print a line with text from files. Its control characters are escaped, so they cannot control the terminal."""
    indent = line[: len(line) - len(line.lstrip())]
    print(indent + printable(line))
