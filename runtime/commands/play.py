"""Play live from a MIDI keyboard (--demo plays a bundled piece)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from runtime.audio.output import AudioIn
from runtime.base.checked_yaml import checked
from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.base.line_writer import LineWriter, open_closed_streams
from runtime.companion.chosen import with_chosen
from runtime.companion.state import read_settings
from runtime.config import AudioConfig, Config, PanelConfig, load_config
from runtime.control.mapping.library import refuse_broken_map
from runtime.demo import DEMO_FILE
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import DEFAULT_INSTRUMENT
from runtime.live.memory import Memory
from runtime.live.output.input_effect import InputEffect
from runtime.live.output.sound_card import AudioHangsError
from runtime.live.remembering import choose_with_memory
from runtime.live.supervisor import Supervisor
from runtime.live.waiting.stop_signal import StopSignal
from runtime.midi.rtmidi_apis import api_number
from runtime.panel.child import PanelChild
from runtime.panel.listening import listen
from runtime.service.notify import is_service, notify
from runtime.sound.choice import Choice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `play`; an option that is left out gets its value from the settings."""
    parser.add_argument("--config", metavar="FILE", help="settings (default: configs/instrument.yaml)")
    parser.add_argument("--instrument", metavar="NAME|FILE.onnx", help="what to play (see: instruments)")
    parser.add_argument("--preset", metavar="NAME", help="the sound to start with (see: instruments)")
    parser.add_argument("--sound", metavar="NAME|FILE.yaml", help="the sound to start with (see: presets)")
    parser.add_argument("--audio", metavar="NAME|null", help="part of an output's name (see: devices); null: no sound")
    parser.add_argument("--midi", metavar="NAME", help="part of an input's name (default: every input)")
    parser.add_argument("--buffer", metavar="N", type=int, help="frames per block, 16 to 8192")
    parser.add_argument("--demo", action="store_true", help="play the bundled piece")
    through = "also play the sound card's input through the instrument's encoder (see docs/through.md)"
    parser.add_argument("--through", action="store_true", help=through)
    parser.add_argument("--audio-in", metavar="NAME", help="with --through: part of an input's name (see: devices)")
    parser.add_argument("--no-panel", action="store_true", help="serve no page (see docs/panel.md)")
    parser.add_argument(
        "--panel-port", metavar="N", type=at_least(1), help="port of the page (default: 8246, or a free one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Play until SIGINT, SIGTERM or the end of the terminal (SIGHUP); returns exit status 0."""
    if arguments.audio_in is not None and not arguments.through:
        raise UserError("--audio-in", "no --through", "both", "add --through, which plays the input")
    settings, problem = _settings(arguments.config)
    open_closed_streams()
    lines = LineWriter(sys.stdout)
    panel = _panel((settings or Config()).panel, arguments, lines)
    memory = Memory(lines.write, keeps=not arguments.demo)
    try:
        choice, problem = _choice(settings, problem, arguments, memory, lines.write)
        through = _effect(choice, arguments.audio_in) if arguments.through else None
        _play(choice, DEMO_FILE if arguments.demo else None, through, memory, panel, lines, problem)
    except UserError:
        memory.close()
        raise
    except BaseException as error:
        memory.crashed(error)
        raise
    finally:
        lines.close()
    memory.close()
    return 0


def _settings(path: str | None) -> tuple[Config | None, str]:
    """The settings and an empty text; UserError for settings with a mistake.

    A service gets None and a text about the mistake instead. An error would end the service, and systemd would start it
    again with the same settings.
    """
    try:
        return load_config(path), ""
    except UserError as error:
        if not is_service():
            raise
        return None, str(error)


def _choice(
    settings: Config | None, problem: str, arguments: argparse.Namespace, memory: Memory, say: Callable[[str], None]
) -> tuple[Choice, str]:
    """Choose what to play; returns the choice, and what is wrong with the settings (empty if nothing is wrong).

    A service whose settings are unusable plays with the latest usable settings. If there are none, it plays with the
    defaults.

    settings, problem: from `_settings`.
    """
    candidates = ("", settings), ("the last good ones", read_settings()), ("the defaults", Config())
    for number, (name, config) in enumerate(candidates):
        if config is None:
            continue
        try:
            choice = _chosen(_with_options(with_chosen(config), arguments), arguments, memory, say)
        except UserError as error:
            problem = problem or str(error)
            if not is_service() or number == len(candidates) - 1:
                raise
            continue
        if number == 0:
            memory.good_settings = config
            return choice, ""
        say(f"The settings are not used: {problem}; playing with {name}. Mend them, then restart.")
        return choice, f"The settings are not used, but {name}: {problem}"
    raise AssertionError("the defaults are never missing")


def _chosen(config: Config, arguments: argparse.Namespace, memory: Memory, say: Callable[[str], None]) -> Choice:
    """Choose what to play; UserError if the settings or the options name something that does not exist."""
    api_number(config.midi.api)
    refuse_broken_map(config)
    return choose_with_memory(config, arguments.instrument, arguments.preset, arguments.sound, memory, say)


def _effect(choice: Choice, audio_in: str | None) -> InputEffect:
    from runtime.instrument.encoder import load_encoder
    from runtime.through.live import LiveThrough

    decoder = Decoder(choice.instrument.path)
    encoder = load_encoder(decoder)
    return InputEffect(AudioIn(audio_in), partial(LiveThrough, decoder, encoder))


def _with_options(config: Config, arguments: argparse.Namespace) -> Config:
    audio, midi = config.audio, config.midi
    if arguments.audio is not None:
        audio = msgspec.structs.replace(audio, device=arguments.audio)
    if arguments.buffer is not None:
        checked({"buffer_frames": arguments.buffer}, AudioConfig, "--buffer")
        audio = msgspec.structs.replace(audio, buffer_frames=arguments.buffer)
    if arguments.midi is not None:
        midi = msgspec.structs.replace(midi, inputs=(arguments.midi,))
    if arguments.demo and arguments.config is None:
        # The piece chooses its sounds by their program numbers, which are those of the default instrument.
        config = msgspec.structs.replace(config, instrument=DEFAULT_INSTRUMENT, preset=None)
    return msgspec.structs.replace(config, audio=audio, midi=midi)


def _panel(settings: PanelConfig, arguments: argparse.Namespace, lines: LineWriter) -> PanelChild | None:
    """The page's process, not started yet; None if there is no page. UserError if --panel-port cannot be used."""
    if arguments.no_panel:
        return None
    port = arguments.panel_port or settings.port
    try:
        listener = listen(msgspec.structs.replace(settings, port=port), "--panel-port")
        return PanelChild(listener, lines.write, settings)
    except UserError as error:
        if arguments.panel_port is not None:
            raise
        lines.write(f"No page: {error}")
        return None


def _play(
    choice: Choice,
    demo: Path | None,
    through: InputEffect | None,
    memory: Memory,
    panel: PanelChild | None,
    lines: LineWriter,
    problem: str,
) -> None:
    stop = StopSignal()
    try:
        if choice.remark:
            lines.write(choice.remark)
        playing = Supervisor(
            choice, lines.write, notify, through, memory, panel, waits_for_named=is_service(), remark=problem
        )
        playing.run(stop, demo)
    except AudioHangsError:
        memory.close()
        lines.close()
        complaint = LineWriter(sys.stderr)
        complaint.write("timbrebox: the audio driver hangs (its server may have died); start again")
        complaint.close()
        os._exit(1)  # an ordinary exit would wait for the driver's thread for ever
    finally:
        stop.close()
