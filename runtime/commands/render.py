"""Render a MIDI file to a sound file: render IN.mid OUT.wav."""

from __future__ import annotations

import argparse
import itertools
import sys
import wave
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from runtime.base.checked_yaml import checked
from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.base.files import atomic_write
from runtime.base.progress import Progress
from runtime.base.signals import signals_as_exceptions
from runtime.companion.state import State
from runtime.config import DEFAULT_CONFIG, Config, load_config
from runtime.control.mapping.library import file_bindings
from runtime.engine.offline import BLOCK_FRAMES, LONGEST_TAIL_S, render_events, render_recorded
from runtime.events import Event, KnobTurn, MapChange, PhaseBlend, Swap
from runtime.instrument.card import Card
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import load
from runtime.link.client import connect
from runtime.live.remembering import move_to_remembered
from runtime.midi.files import read_events
from runtime.midi.recorded.reading import RecordedMidi, is_recorded, read_recorded
from runtime.rack.build import build_chosen, rack_from
from runtime.rack.part_choice import choose_parts, with_parts
from runtime.rack.rack import Rack
from runtime.rack.recorded.head import Start, damage_as_user_error, start_of
from runtime.rack.recorded.part_tree import PlayedInstrument, same_instrument
from runtime.rack.recorded.replay import Replay
from runtime.sound.choice import Choice, choose_tree
from runtime.sound.trajectory.use import trajectory_paths

SAMPLE_RATE_HZ = 44100
PHASES = {"noise": 0.0, "coherent": 1.0}
FRAME_BYTES = 4
# A WAV file has a 32-bit number near its beginning. It says how many bytes follow: the last 36 bytes of the header,
# and the sound.
MOST_FRAMES = (2**32 - 1 - 36) // FRAME_BYTES - BLOCK_FRAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's two files and its options to the parser."""
    parser.add_argument("midi_file", metavar="IN.mid", help="a Standard MIDI File; channel 10, the drums, is left out")
    parser.add_argument("sound_file", metavar="OUT.wav", help="16 bit, stereo, 44.1 kHz (a recording: its own rate)")
    parser.add_argument("--config", metavar="FILE", help="settings (default: configs/instrument.yaml)")
    parser.add_argument("--instrument", metavar="NAME|FILE.onnx", help="what to play (see: instruments)")
    parser.add_argument("--preset", metavar="NAME", help="the sound to play (see: instruments)")
    parser.add_argument("--sound", metavar="NAME|FILE.yaml", help="the sound to play (see: presets)")
    parser.add_argument("--now", action="store_true", help="the sound that plays now, with all its knobs")
    parser.add_argument("--latents", metavar="0.2,0.8,…", help="knob positions, 0 to 1 each")
    parser.add_argument("--phase", choices=tuple(PHASES), help="noise: breath; coherent: tone")
    parser.add_argument("--seed", type=_seed, metavar="N", help="seed of the noise; the same seed gives the same bytes")
    parser.add_argument("--most-minutes", metavar="N", type=at_least(1), help="refuse a longer piece")


def run(arguments: argparse.Namespace) -> int:
    """Write the sound file, and print its length and its instruments."""
    if is_recorded(arguments.midi_file):
        return _render_recording(arguments)
    events = read_events(arguments.midi_file)
    _refuse_too_long(arguments, _length_s(events), SAMPLE_RATE_HZ)
    choice, state = _choice(arguments)
    choice = _with_options(choice, arguments)
    settings = choice.settings
    engine = build_chosen(choice, SAMPLE_RATE_HZ)
    engine.post(MapChange(0, file_bindings(settings)), 0)
    if state is not None:
        move_to_remembered(engine.engines(), state, ("phase_blend",) if arguments.phase else ())
    inputs = _inputs(choice, arguments)
    if choice.remark:
        print(f"timbrebox: {choice.remark}", file=sys.stderr)
    n_frames = round(_length_s(events) * SAMPLE_RATE_HZ)
    with signals_as_exceptions():
        _write_wav(arguments.sound_file, engine, render_events(engine, events), n_frames, inputs)
    status = engine.status
    print(
        f"{arguments.sound_file}: {status.frame / SAMPLE_RATE_HZ:.1f} s, {status.n_notes} notes"
        f"{f', {status.n_stolen} stolen' if status.n_stolen else ''}, {_instruments(choice)}"
    )
    return 0


def _choice(arguments: argparse.Namespace) -> tuple[Choice, State | None]:
    """What to play, and the state of the program that plays now; without --now, the state is None."""
    if not arguments.now:
        config = load_config(arguments.config)
        return choose_parts(config, arguments.instrument, arguments.preset, arguments.sound), None
    for option in ("config", "instrument", "preset", "sound"):
        if getattr(arguments, option) is not None:
            raise UserError(f"--{option}", "--now, which has one", "one of the two", "leave one out")
    with connect() as link:
        present = link.ask("present")
    where = "what plays now"
    state, config = checked(present["state"], State, where), msgspec.convert(present["settings"], Config, strict=False)
    folder = None if state.folder is None else Path(state.folder)
    return with_parts(choose_tree(config, state.instrument, state.sound, where, folder), state.instrument, where), state


def _render_recording(arguments: argparse.Namespace) -> int:
    recorded = read_recorded(arguments.midi_file)
    start = start_of(recorded.head, arguments.midi_file)
    if arguments.now:
        print("timbrebox: a recording is rendered with its own sound, not with the one that plays now", file=sys.stderr)
    _refuse_too_long(arguments, recorded.n_ticks / start.sample_rate_hz, start.sample_rate_hz)
    for option in ("config", "preset", "sound"):
        if getattr(arguments, option) is not None:
            remedy = "leave it out, or change --latents, --phase or --seed"
            raise UserError(f"--{option}", "a recording, which has a sound of its own", "no such option", remedy)
    first, *others = start.instruments
    decoders = [load(arguments.instrument or first.name), *(load(each.name) for each in others)]
    if arguments.seed is not None:
        start = _with_seed(start, arguments.seed)
    with damage_as_user_error(arguments.midi_file):
        rack = rack_from(start, decoders)
    _tell_differences(recorded, start, decoders)
    replay = Replay([rack.engine(part) for part in range(rack.n_parts)], _decoder, start.settings, arguments.midi_file)
    begin = rack.frame
    moved = [(begin, event) for event in _moved_knobs(decoders[0].card, arguments)]
    played = ((begin + tick, replay.playable(event)) for tick, event in recorded.each_event())
    blocks = render_recorded(rack, itertools.chain(moved, played), recorded.n_ticks)
    inputs = [arguments.midi_file, *(each.path for each in decoders)]
    with signals_as_exceptions(), damage_as_user_error(arguments.midi_file):
        _write_wav(arguments.sound_file, rack, blocks, recorded.n_ticks, inputs)
    names = dict.fromkeys(each.card.name for each in decoders)
    print(
        f"{arguments.sound_file}: {recorded.n_ticks / start.sample_rate_hz:.1f} s as recorded, "
        f"instrument{'s' if len(names) > 1 else ''} {', '.join(names)}"
    )
    return 0


def _tell_differences(recorded: RecordedMidi, start: Start, decoders: list[Decoder]) -> None:
    for decoder, played in zip(decoders, start.instruments, strict=True):
        _tell_other_file(decoder, played)
    if start.n_parts > len(decoders):
        print(f"timbrebox: {start.n_parts} parts were recorded; only the first one is rendered", file=sys.stderr)
    elif not start.state.is_silent:
        sounded = "notes sounded" if start.state.holds_notes else "earlier notes faded"
        print(f"timbrebox: {sounded} when the recording began; they are missing", file=sys.stderr)
    # If an instrument was chosen during a recording, the program's first versions stored only its name. Such a change
    # cannot be rendered.
    lost = (tick for tick, event in recorded.each_event() if isinstance(event, Swap) and event.made is None)
    tick = next(lost, None)
    if tick is not None:
        said = f"another instrument was chosen {tick / start.sample_rate_hz:.1f} s after the beginning"
        print(f"timbrebox: {said}; render keeps {start.instruments[0].name}", file=sys.stderr)


def _tell_other_file(decoder: Decoder, played: PlayedInstrument) -> None:
    if not same_instrument(decoder.path, played):
        print(f"timbrebox: {decoder.path.name} is not the file that {played.name} was when it was recorded; it may "
              "sound otherwise", file=sys.stderr)  # fmt: skip


def _decoder(played: PlayedInstrument) -> Decoder:
    decoder = load(played.name)
    _tell_other_file(decoder, played)
    return decoder


def _with_seed(start: Start, seed: int) -> Start:
    parts = tuple(
        msgspec.structs.replace(each, patch=msgspec.structs.replace(
            each.patch, settings=msgspec.structs.replace(each.patch.settings, seed=seed)))
        for each in start.state.parts
    )  # fmt: skip
    return start._replace(state=msgspec.structs.replace(start.state, parts=parts))


def _moved_knobs(card: Card, arguments: argparse.Namespace) -> list[Event]:
    positions = [] if arguments.latents is None else listed_positions(card, arguments.latents)
    events: list[Event] = [KnobTurn(latent, position) for latent, position in enumerate(positions)]
    return events if arguments.phase is None else [*events, PhaseBlend(PHASES[arguments.phase])]


def _with_options(choice: Choice, arguments: argparse.Namespace) -> Choice:
    if choice.parts:
        if arguments.latents is not None:
            remedy = "leave it out, or name one of the parts' sounds"
            raise UserError("--latents", "a sound with several parts", "a sound with knobs of its own", remedy)
        parts = tuple((said, _with_options(each, arguments)) for said, each in choice.parts)
        return parts[0][1]._replace(parts=parts, remark=choice.remark, sound_file=choice.sound_file)
    patch = choice.patch
    config = msgspec.structs.replace(
        patch.settings,
        phase_blend=PHASES.get(arguments.phase, patch.settings.phase_blend),
        seed=patch.settings.seed if arguments.seed is None else arguments.seed,
    )
    positions = patch.positions
    if arguments.latents is not None:
        positions = tuple(listed_positions(choice.instrument.card, arguments.latents))
    return choice._replace(patch=msgspec.structs.replace(patch, settings=config, positions=positions))


def _inputs(choice: Choice, arguments: argparse.Namespace) -> list[str | Path]:
    """The files that must not be overwritten."""
    inputs = [arguments.midi_file, arguments.config or DEFAULT_CONFIG]
    if choice.patch.settings.tuning.scale is not None:
        inputs.append(choice.patch.settings.tuning.scale)
    if choice.patch.settings.midi.map is not None:
        inputs.append(choice.patch.settings.midi.map)
    every = [choice, *(each for _, each in choice.parts)]
    inputs += [each.instrument.path for each in every]
    inputs += [path for each in every for path in trajectory_paths(each.patch.sound.trajectory, each.patch.folder)]
    return inputs + [each.sound_file for each in every if each.sound_file is not None]


def _instruments(choice: Choice) -> str:
    names = dict.fromkeys([each.instrument.card.name for _, each in choice.parts] or [choice.instrument.card.name])
    return f"instrument{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _write_wav(path: str, engine: Rack, blocks: Iterable[np.ndarray], n_frames: int, inputs: list[str | Path]) -> None:
    """Write the blocks to a WAV file.

    n_frames: approximate length, for the progress line.
    inputs: files that must not be overwritten.
    """
    first = engine.frame
    with (
        atomic_write(path, "wb", inputs=inputs, makes_folder=False) as stream,
        wave.open(stream, "wb") as sound_file,
        Progress("render", n_frames) as progress,
    ):
        sound_file.setnchannels(2)
        sound_file.setsampwidth(FRAME_BYTES // 2)
        sound_file.setframerate(engine.sample_rate_hz)
        for block in blocks:
            engine.take_retired()  # frees the engines that swaps have replaced
            sound_file.writeframes(np.rint(block * 32767.0).astype("<i2").tobytes())
            progress.update(engine.frame - first)


def listed_positions(card: Card, text: str) -> list[float]:
    """The knob positions in a text such as `0.2,0.8`.

    UserError unless the text has one number from 0 to 1 for each knob.
    """
    try:
        positions = [float(number) for number in text.split(",")]
    except ValueError:
        positions = []
    if len(positions) != card.n_latents or not all(0.0 <= p <= 1.0 for p in positions):
        expected = f"{card.n_latents} numbers from 0 to 1, with commas between"
        raise UserError("--latents", repr(text), expected, "name one for each knob of ./timbrebox instruments")
    return positions


def _refuse_too_long(arguments: argparse.Namespace, length_s: float, rate_hz: int) -> None:
    midi_file, most_minutes = arguments.midi_file, arguments.most_minutes
    if most_minutes is not None and not length_s <= 60.0 * most_minutes:
        expected = f"at most {most_minutes}"
        raise UserError(midi_file, f"{length_s / 60.0:,.1f} minutes of music", expected, "choose a shorter piece")
    longest_s = MOST_FRAMES / rate_hz - LONGEST_TAIL_S
    if not length_s <= longest_s:
        expected = f"at most {longest_s / 3600.0:.2f}, which a WAV file can hold"
        raise UserError(midi_file, f"{length_s / 3600.0:,.2f} hours of music", expected, "choose a shorter piece")


def _length_s(events: list[tuple[float, Event]]) -> float:
    return events[-1][0] if events else 0.0


def _seed(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)
