"""Render a MIDI file to a sound file: the live engine, without a device."""

from __future__ import annotations

import argparse
import sys
import wave
from collections.abc import Iterator

import msgspec
import numpy as np

from runtime.atomic_file import replacing
from runtime.card import Card
from runtime.channels import N_CHANNELS
from runtime.config import load_config
from runtime.configured import configured_engine
from runtime.engine import Engine
from runtime.errors import UserError
from runtime.events import ControlChange, Event
from runtime.instruments import load
from runtime.midi_file import read_events

SAMPLE_RATE_HZ = 44100
BLOCK_FRAMES = 4096
PHASES = {"noise": 0.0, "coherent": 1.0}
# A tail ends when its last voice does; no envelope can be longer than this.
LONGEST_TAIL_S = 60.0


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
    instrument = load(arguments.instrument or config.instrument)
    config = msgspec.structs.replace(
        config,
        preset=arguments.preset or config.preset,
        phase_blend=PHASES.get(arguments.phase, config.phase_blend),
        seed=config.seed if arguments.seed is None else arguments.seed,
    )
    positions = None if arguments.latents is None else listed_positions(instrument.card, arguments.latents)
    engine = configured_engine(config, instrument, SAMPLE_RATE_HZ, positions)
    with replacing(arguments.sound_file) as stream, wave.open(stream, "wb") as sound_file:
        sound_file.setnchannels(2)
        sound_file.setsampwidth(2)
        sound_file.setframerate(SAMPLE_RATE_HZ)
        for block in render_events(engine, events):
            sound_file.writeframes(np.rint(block * 32767.0).astype("<i2").tobytes())
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


def render_events(engine: Engine, events: list[tuple[float, Event]]) -> Iterator[np.ndarray]:
    """Yield blocks float32 (n, 2), valid until the next, of timed events in seconds, with the last tail."""
    rate_hz = engine.sample_rate_hz
    for time_s, event in events:
        engine.post(event, round(time_s * rate_hz))
    end = round((events[-1][0] if events else 0.0) * rate_hz)
    for channel in range(N_CHANNELS):  # a key or pedal that the file leaves down must not sound for ever
        engine.post(ControlChange(channel, 64, 0), end)
        engine.post(ControlChange(channel, 123, 0), end)
    block = np.zeros((BLOCK_FRAMES, 2), np.float32)
    last = end + round(LONGEST_TAIL_S * rate_hz)
    while engine.frame < end or (engine.status.n_active_voices and engine.frame < last):
        _show_progress(engine.frame, end)
        engine.render(block)
        yield block
    _show_progress(end, end)


def _show_progress(frame: int, end: int) -> None:
    if sys.stderr.isatty() and end:
        done = min(1.0, frame / end)
        print(f"\rrendering {done:4.0%}", end="\n" if done == 1.0 else "", file=sys.stderr, flush=True)


def _seed(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)
