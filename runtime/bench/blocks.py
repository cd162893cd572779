"""What `bench` measures of the engine: the load of its blocks, and how long notes and knobs take to be heard."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.bench.floor import floor_load
from runtime.config import Adsr, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, KnobTurn, NoteOn, PhaseBlend, PitchWheel
from runtime.instrument.decoder import Decoder

# The load of a voice does not depend on its note: these spread over the range of the instrument.
VELOCITY = 100
N_SPELLS = 20


def new_engine(decoder: Decoder, n_voices: int, seed: int = 0) -> Engine:
    """An engine at the instrument's own rate, its envelope without an attack."""
    voice = VoiceConfig(n_voices=n_voices, envelope=Adsr(attack_s=0.0))
    return Engine(decoder, sample_rate_hz=decoder.card.sample_rate_hz, seed=seed, voice=voice)


def spread_note(decoder: Decoder, number: int) -> int:
    """The number-th of many notes spread over the instrument's range, none next to its neighbour."""
    lowest, highest = decoder.card.note_range
    return lowest + (number * 7) % (highest - lowest + 1)


def knob_turns(n_latents: int, time_s: float) -> list[KnobTurn]:
    """Every knob a little further, each on a slow curve of its own."""
    return [KnobTurn(k, 0.5 + 0.5 * math.sin(time_s * (1.0 + 0.37 * k))) for k in range(n_latents)]


class Gesture(NamedTuple):
    """What a player does beside turning knobs: once, and in every block by its time in s."""

    once: tuple[Event, ...] = ()
    in_each_block: Callable[[float], list[Event]] = lambda time_s: []


# None of these has a floor: nothing cheaper is known to make the same sound.
GESTURES = {
    "the bend wheel turning": Gesture(in_each_block=lambda time_s: [PitchWheel(0, round(4000 * math.sin(time_s)))]),
    "vibrato": Gesture(once=(ControlChange(0, 1, 127),)),
    "coherent phases": Gesture(once=(PhaseBlend(1.0),)),
}


def block_times(
    decoder: Decoder,
    n_voices: int,
    buffer_frames: int,
    moving: bool,
    duration_s: float,
    gesture: Gesture | None = None,
) -> dict:
    """One row: percentiles of a block's time in ms, its budget, CPU load and, without a gesture, the floor's.

    Load, times and floor take turns, as a machine's speed may change from one second to the next. Times are those of a
    thread with the audio thread's priority, where that is permitted; in short spells, as systems stop a real-time
    thread that never waits.
    """
    engine = new_engine(decoder, n_voices)
    for number in range(n_voices):
        engine.post(NoteOn(0, spread_note(decoder, number), VELOCITY))
    for event in gesture.once if gesture else ():
        engine.post(event)
    out = np.zeros((buffer_frames, 2), np.float32)
    block_s = buffer_frames / engine.sample_rate_hz
    for _ in range(8192 // buffer_frames):
        engine.render(out)
    n_blocks = max(1, int(duration_s / block_s) // N_SPELLS)
    n_hops = max(2, round(n_blocks * buffer_frames / decoder.card.spec.hop_size / 2))
    times_s = np.empty((N_SPELLS, n_blocks))
    spent_s = floor = 0.0
    for spell in range(N_SPELLS):
        starts_s = (np.arange(n_blocks) + spell * n_blocks) * block_s
        events: list[list[Event]] = [[] for _ in starts_s]
        for start_s, block_events in zip(starts_s, events, strict=True):
            if moving:
                block_events += knob_turns(decoder.card.n_latents, start_s)
            if gesture:
                block_events += gesture.in_each_block(start_s)
        spent_s += _spent_s(engine, events, out)
        with promoted(AUDIO_PRIORITY):
            _time_blocks(engine, events, out, times_s[spell])
        if not gesture:
            floor += floor_load(decoder, n_voices, moving, n_hops)
    p50, p99, p999 = np.percentile(times_s * 1e3, [50, 99, 99.9])
    row = {
        "voices": n_voices,
        "buffer": buffer_frames,
        "moving": moving,
        "p50_ms": p50,
        "p99_ms": p99,
        "p999_ms": p999,
        "max_ms": times_s.max() * 1e3,
        "budget_ms": block_s * 1e3,
        "load": spent_s / (times_s.size * block_s),
    }
    return row if gesture else row | {"floor_load": floor / N_SPELLS}


def _time_blocks(engine: Engine, events: list[list[Event]], out: np.ndarray, times_s: np.ndarray) -> None:
    """Seconds that each of the blocks with these events takes."""
    for block, block_events in enumerate(events):
        for event in block_events:
            engine.post(event)
        begin_s = time.perf_counter()
        engine.render(out)
        times_s[block] = time.perf_counter() - begin_s


def _spent_s(engine: Engine, events: list[list[Event]], out: np.ndarray) -> float:
    """CPU seconds of all blocks with these events.

    Not timed block by block: to read a clock twice costs as much as to render a block that is mixed already.
    """
    begin_s = time.process_time()
    for block_events in events:
        for event in block_events:
            engine.post(event)
        engine.render(out)
    return time.process_time() - begin_s


def engine_rows(decoder: Decoder, duration_s: float, tell: Callable[[str], None]) -> list[dict]:
    """The table of `engine`: 1, 16 and 64 voices, buffers of 64 and 256 frames, knobs moving and at rest."""
    rows = []
    for n_voices in (1, 16, 64):
        for buffer_frames in (64, 256):
            for moving in (True, False):
                row = block_times(decoder, n_voices, buffer_frames, moving, duration_s)
                rows.append(row)
                tell(f"{_told(row)}, {row['load'] / row['floor_load']:.2f} x floor")
    return rows


def gesture_rows(decoder: Decoder, duration_s: float, tell: Callable[[str], None]) -> list[dict]:
    """The table of `gestures`: 16 voices, every knob moving, and what costs most beside."""
    rows = []
    for name, gesture in GESTURES.items():
        for buffer_frames in (64, 256):
            row = block_times(decoder, 16, buffer_frames, True, duration_s, gesture)
            rows.append({"gesture": name} | row)
            tell(f"{_told(row)}; {name}")
    return rows


def _told(row: dict) -> str:
    return (
        f"{row['voices']:3d} voices, {row['buffer']:3d} frames, knobs {'moving ' if row['moving'] else 'at rest'}: "
        f"p50 {row['p50_ms']:.2f}, p99 {row['p99_ms']:.2f}, p99.9 {row['p999_ms']:.2f} of {row['budget_ms']:.2f} ms; "
        f"load {row['load']:.1%}"
    )
