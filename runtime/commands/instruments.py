"""List the instruments, with their knobs, presets and licences."""

from __future__ import annotations

import argparse

from runtime.base.errors import UserError
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
            print(f"{name}: not playable: {error}")
            continue
        lowest, highest = card.note_range
        print(f"{name}: {note_name(lowest)} to {note_name(highest)}, {card.n_latents} knobs, {path}")
        print(f"  knobs: {', '.join(latent.name for latent in card.latents)}")
        print(f"  presets: {', '.join(preset.name for preset in card.presets) or 'none'}")
        print(f"  licence: {card.licence or 'not stated'}")
    if not available():
        print("no instruments here; make one with ./timbrebox export, or give an .onnx file to --instrument")
    return 0
