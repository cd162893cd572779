"""What `bench` measures of the engine: the load of its blocks, and how long notes and knobs take to be heard."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from runtime.bench.floor import floor_load
from runtime.config import VoiceConfig
from runtime.decoder import Decoder
from runtime.engine import Engine
from runtime.envelope import Adsr
from runtime.events import ControlChange, Event, KnobTurn, NoteOn, PhaseBlend, PitchWheel
from runtime.realtime import AUDIO_PRIORITY, promoted

# The load of a voice does not depend on its note: these spread over the range of the instrument.
VELOCITY = 100
LATENCY_BUFFER_FRAMES = 64
N_SPELLS = 20
HEARD_RATIO = 10.0 ** (-20.0 / 20.0)


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


def note_on_ms(decoder: Decoder, n_notes: int, n_trials: int) -> dict[str, float]:
    """Time from a key to its sound's leaving, in ms: of the last of `n_notes` pressed at once, 16 others sounding.

    A key falls anywhere within a block of 64 frames, and sounds one buffer after its arrival, a constant. To that come
    the rise to 20 dB below the sustained peak and, where the block with the key took longer to render than it lasts,
    what it was late. A device adds its own latency.
    """
    random = np.random.default_rng(0)
    results_ms = [_one_note_on_ms(decoder, n_notes, random) for _ in range(n_trials)]
    return _summary(results_ms)


def _one_note_on_ms(decoder: Decoder, n_notes: int, random: np.random.Generator) -> float:
    n_frames = LATENCY_BUFFER_FRAMES
    rate_hz = decoder.card.sample_rate_hz
    seed = int(random.integers(2**31))
    arrival = int(random.integers(n_frames)) + 8 * n_frames
    notes = [NoteOn(1, spread_note(decoder, 100 + k), VELOCITY) for k in range(n_notes)]

    def play(background: bool, keys: bool) -> tuple[np.ndarray, float]:
        engine = new_engine(decoder, 16 + n_notes, seed)
        if background:
            for number in range(16):
                engine.post(NoteOn(0, spread_note(decoder, number), VELOCITY), 0)
        blocks, slowest_s = [], 0.0
        with promoted(AUDIO_PRIORITY):
            for block in range(8 + 24):
                if keys and block == 8:
                    for note in notes:
                        engine.post(note, arrival + n_frames)
                if background:
                    for turn in knob_turns(decoder.card.n_latents, block * 0.01):
                        engine.post(turn)
                out = np.zeros((n_frames, 2), np.float32)
                begin_s = time.perf_counter()
                engine.render(out)
                if block == (arrival + n_frames) // n_frames:
                    slowest_s = time.perf_counter() - begin_s
                blocks.append(out[:, 0])
        return np.abs(np.concatenate(blocks)), slowest_s

    _, rendering_s = play(background=True, keys=True)
    alone, _ = play(background=False, keys=True)
    heard = int(np.argmax(alone >= HEARD_RATIO * alone[-8 * n_frames :].max()))
    late_s = max(0.0, rendering_s - n_frames / rate_hz)
    return ((heard - arrival) / rate_hz + late_s) * 1e3


def knob_ms(decoder: Decoder, n_trials: int) -> dict[str, float]:
    """Time in ms from a step of every latent to 90 % of the change of the sound.

    The same noise is rendered with the step, and with the new position from the start: the change is done to 90 %
    when the two differ by a tenth of what they differ before.
    """
    random = np.random.default_rng(1)
    return _summary([_one_knob_ms(decoder, random) for _ in range(n_trials)])


def _one_knob_ms(decoder: Decoder, random: np.random.Generator) -> float:
    rate_hz, n_latents = decoder.card.sample_rate_hz, decoder.card.n_latents
    seed, note = int(random.integers(2**31)), spread_note(decoder, int(random.integers(64)))
    step = 16384 + int(random.integers(1024))
    old, new = np.zeros(n_latents), np.ones(n_latents)

    def play(turns: list[tuple[int, np.ndarray]]) -> np.ndarray:
        engine = new_engine(decoder, 1, seed)
        for frame, positions in turns:
            for latent, position in enumerate(positions):
                engine.post(KnobTurn(latent, float(position)), frame)
        engine.post(NoteOn(0, note, VELOCITY), 0)
        out = np.zeros((32768, 2), np.float32)
        engine.render(out)
        return out[:, 0]

    stepped, before, after = play([(0, old), (step, new)]), play([(0, old)]), play([(0, new)])
    smooth = np.ones(512) / 512
    remaining = np.convolve(np.square(stepped - after), smooth, "same")[step:]
    whole = np.convolve(np.square(before - after), smooth, "same")[step:]
    changed = remaining <= 0.01 * whole
    return float(np.argmax(changed)) / rate_hz * 1e3


def _summary(values: list[float]) -> dict[str, float]:
    p50, p99, largest = np.percentile(values, [50, 99, 100])
    return {"p50": p50, "p99": p99, "max": largest}


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
