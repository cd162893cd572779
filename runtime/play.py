"""`play`: the command line of the live instrument."""

from __future__ import annotations

import argparse

import msgspec

from runtime.config import AudioConfig, InstrumentConfig, load_config
from runtime.yaml_config import checked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `play`; what is not given comes from the configuration."""
    parser.add_argument("--config", metavar="FILE", help="settings (default: configs/instrument.yaml)")
    parser.add_argument("--instrument", metavar="NAME|FILE.onnx", help="what to play (see: instruments)")
    parser.add_argument("--preset", metavar="NAME", help="the sound to start with")
    parser.add_argument("--audio", metavar="NAME|null", help="part of an output's name; null: no sound")
    parser.add_argument("--midi", metavar="NAME", help="part of an input's name (default: every input)")
    parser.add_argument("--buffer", metavar="N", type=int, help="frames per block, 16 to 8192")
    parser.add_argument("--demo", action="store_true", help="play the bundled piece")
    parser.add_argument("--no-panel", action="store_true", help="no control panel")


def run(arguments: argparse.Namespace) -> int:
    """Play until SIGINT or SIGTERM; exit status 0."""
    from runtime.demo_player import DEMO_FILE
    from runtime.instrument import play
    from runtime.instruments import load

    config = overridden(load_config(arguments.config), arguments)
    return play(config, load(config.instrument), demo=DEMO_FILE if arguments.demo else None)


def overridden(config: InstrumentConfig, arguments: argparse.Namespace) -> InstrumentConfig:
    """The configuration with what the command line says instead; UserError for a buffer out of range."""
    audio, midi = config.audio, config.midi
    if arguments.audio is not None:
        audio = msgspec.structs.replace(audio, device=arguments.audio)
    if arguments.buffer is not None:
        checked({"buffer_frames": arguments.buffer}, AudioConfig, "--buffer")
        audio = msgspec.structs.replace(audio, buffer_frames=arguments.buffer)
    if arguments.midi is not None:
        midi = msgspec.structs.replace(midi, inputs=(arguments.midi,))
    return msgspec.structs.replace(
        config,
        audio=audio,
        midi=midi,
        instrument=arguments.instrument or config.instrument,
        preset=arguments.preset or config.preset,
    )
