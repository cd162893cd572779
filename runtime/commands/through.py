"""Play a recording through an instrument, frame by frame."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from runtime.base.command_line import number_between
from runtime.base.signals import signals_as_exceptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `through`."""
    parser.add_argument("recording", type=Path, metavar="IN", help="WAV, FLAC, OGG, MP3 or AIFF; becomes mono")
    parser.add_argument("out", type=Path, metavar="OUT.wav", help="44.1 kHz (the instrument's rate), 16 bit, mono")
    parser.add_argument("--instrument", metavar="NAME|FILE.onnx", help="one with an encoder (see: instruments)")
    latents = "where each knob stands, 0 to 1: at 0.5 its latent stays as it was encoded, at 0 or 1 it is at that end"
    parser.add_argument("--latents", metavar="0.5,0.8,…", help=latents)
    motion = "how much the latents move about their mean, 0 to 2 (default: 1, as encoded)"
    parser.add_argument("--motion", type=number_between(0.0, 2.0), default=1.0, metavar="0..2", help=motion)
    colour = "how much of the recording's own colour is kept, 0 to 1 (default: 1)"
    parser.add_argument("--colour", type=number_between(0.0, 1.0), default=1.0, metavar="0..1", help=colour)
    wet = "the share of the effect in the output, 0 to 1 (default: 1, nothing of the recording itself)"
    parser.add_argument("--dry-wet", type=number_between(0.0, 1.0), default=1.0, metavar="0..1", help=wet)


def run(arguments: argparse.Namespace) -> int:
    """Write the sound, and print how long it is and how fast it was made."""
    from runtime.commands.render import listed_positions
    from runtime.instrument.encoder import load_encoder
    from runtime.instrument.library import load
    from runtime.through.chain import Chain
    from runtime.through.files import through_file
    from runtime.through.settings import EffectSettings, offsets_at

    decoder = load(arguments.instrument)
    offsets = None
    if arguments.latents is not None:
        offsets = offsets_at(tuple(listed_positions(decoder.card, arguments.latents)))
    encoder = load_encoder(decoder)
    chain = Chain(decoder, encoder, decoder.card.spec)
    chain.set(EffectSettings(offsets, arguments.motion, arguments.colour, arguments.dry_wet))
    began_s = time.perf_counter()
    with signals_as_exceptions():
        n_samples = through_file(arguments.recording, arguments.out, chain, [decoder.path, encoder.path])
    length_s, seconds = n_samples / decoder.card.sample_rate_hz, time.perf_counter() - began_s
    print(
        f"{arguments.out}: {length_s:.1f} s through {decoder.card.name} in {seconds:.1f} s"
        f" ({length_s / seconds:.0f} times as fast as it plays)"
    )
    return 0
