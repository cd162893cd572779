"""Render a MIDI file to a sound file: the live engine, without a device."""

from __future__ import annotations

import argparse
import signal
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import msgspec
import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import written_whole
from runtime.config import DEFAULT_CONFIG, load_config
from runtime.engine.build import configured_engine
from runtime.engine.offline import BLOCK_FRAMES, LONGEST_TAIL_S, render_events
from runtime.events import Event
from runtime.instrument.card import Card
from runtime.instrument.library import load
from runtime.midi.files import read_events

SAMPLE_RATE_HZ = 44100
PHASES = {"noise": 0.0, "coherent": 1.0}
FRAME_BYTES = 4
# A WAV file counts its bytes, 36 of them before the sound, in 32 bits.
LONGEST_MUSIC_S = ((2**32 - 1 - 36) // FRAME_BYTES - BLOCK_FRAMES) / SAMPLE_RATE_HZ - LONGEST_TAIL_S


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `render`."""
    parser.add_argument("midi_file", metavar="IN.mid", help="a Standard MIDI File; all channels but 10 are played")
    parser.add_argument("sound_file", metavar="OUT.wav", help="44.1 kHz, 16 bit, stereo")
    parser.add_argument("--config", metavar="F", help="settings, YAML; default: configs/instrument.yaml")
    parser.add_argument("--instrument", metavar="NAME|F.onnx", help="see: ./timbrebox instruments")
    parser.add_argument("--preset", metavar="P", help="a sound by its name in the instrument's card")
    parser.add_argument("--latents", metavar="0.2,0.8,…", help="knob positions, 0 to 1 of their travel")
    parser.add_argument("--phase", choices=tuple(PHASES), help="breath or tone")
    parser.add_argument("--seed", type=_seed, metavar="N", help="of the noise; the same seed gives the same bytes")


def run(arguments: argparse.Namespace) -> int:
    """Render as the command line asks."""
    config = load_config(arguments.config)
    events = read_events(arguments.midi_file)
    _refuse_longer_than_a_wav(arguments.midi_file, events)
    instrument = load(arguments.instrument or config.instrument)
    config = msgspec.structs.replace(
        config,
        preset=arguments.preset or config.preset,
        phase_blend=PHASES.get(arguments.phase, config.phase_blend),
        seed=config.seed if arguments.seed is None else arguments.seed,
    )
    positions = None if arguments.latents is None else listed_positions(instrument.card, arguments.latents)
    engine = configured_engine(config, instrument, SAMPLE_RATE_HZ, positions)
    inputs = [arguments.midi_file, instrument.path, arguments.config or DEFAULT_CONFIG]
    if config.tuning.scale is not None:
        inputs.append(config.tuning.scale)
    with (
        _ending_by_exception(),
        written_whole(arguments.sound_file, "wb", inputs=inputs, makes_folder=False) as stream,
        wave.open(stream, "wb") as sound_file,
    ):
        sound_file.setnchannels(2)
        sound_file.setsampwidth(FRAME_BYTES // 2)
        sound_file.setframerate(SAMPLE_RATE_HZ)
        end = round((events[-1][0] if events else 0.0) * SAMPLE_RATE_HZ)
        for block in render_events(engine, events):
            sound_file.writeframes(np.rint(block * 32767.0).astype("<i2").tobytes())
            _show_progress(engine.frame, end)
    status = engine.status
    print(
        f"{arguments.sound_file}: {status.frame / SAMPLE_RATE_HZ:.1f} s, {status.n_notes} notes"
        f"{f', {status.n_stolen} stolen' if status.n_stolen else ''}, instrument {instrument.card.name}"
    )
    return 0


def listed_positions(card: Card, text: str) -> list[float]:
    """Knob positions 0 to 1, one per latent, of a list such as 0.2,0.8."""
    try:
        positions = [float(number) for number in text.split(",")]
    except ValueError:
        positions = []
    if len(positions) != card.n_latents or not all(0.0 <= p <= 1.0 for p in positions):
        expected = f"{card.n_latents} numbers from 0 to 1, with commas between"
        raise UserError("--latents", repr(text), expected, "name one for each knob of ./timbrebox instruments")
    return positions


def _refuse_longer_than_a_wav(midi_file: str, events: list[tuple[float, Event]]) -> None:
    length_s = events[-1][0] if events else 0.0
    if not length_s <= LONGEST_MUSIC_S:
        expected = f"at most {LONGEST_MUSIC_S / 3600.0:.2f}, which a WAV file can hold"
        raise UserError(midi_file, f"{length_s / 3600.0:,.2f} hours of music", expected, "choose a shorter piece")


@contextmanager
def _ending_by_exception() -> Iterator[None]:
    """Let what asks the process to end unwind it, so that nothing half-written stays; only the first such signal."""
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
               if signal.getsignal(number) is not signal.SIG_IGN]  # fmt: skip

    def end(number: int, _frame: object) -> NoReturn:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_progress(frame: int, end: int) -> None:
    if sys.stderr.isatty() and end:
        done = min(1.0, frame / end)
        print(f"\rrendering {done:4.0%}", end="\n" if done == 1.0 else "", file=sys.stderr, flush=True)


def _seed(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)
