"""`play`: the command line of the live instrument."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

import msgspec

from runtime.base.checked_yaml import checked
from runtime.base.telling import Teller, open_closed_streams
from runtime.config import AudioConfig, InstrumentConfig, load_config
from runtime.instrument.decoder import Decoder
from runtime.live.stop_signal import StopSignal
from runtime.live.supervisor import AudioHangsError, LiveInstrument
from runtime.service.notify import notify


def play(config: InstrumentConfig, decoder: Decoder, demo: Path | None = None) -> int:
    """Play until SIGINT, SIGTERM or the terminal's end, and return the exit status."""
    open_closed_streams()
    teller, stop = Teller(sys.stdout), StopSignal()
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` has it ignored, to play on
        signal.signal(signal.SIGHUP, stop.request)
    try:
        LiveInstrument(config, decoder, teller.say, notify).run(stop, demo)
    except AudioHangsError:
        teller.close()
        complaint = Teller(sys.stderr)
        complaint.say("timbrebox: the audio driver hangs (its server may have died); start again")
        complaint.close()
        os._exit(1)  # A hung driver thread would hold an ordinary exit up for ever.
    finally:
        stop.close()
        teller.close()
    return 0


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
    from runtime.commands.play import play
    from runtime.instrument.library import load
    from runtime.midi.file_player import DEMO_FILE

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
