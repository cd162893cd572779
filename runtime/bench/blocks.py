"""Measures one case: how long its blocks take, and the processor time that its sound costs."""

from __future__ import annotations

import time

import numpy as np

from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.bench.cases import Case
from runtime.bench.floor import floor_load
from runtime.bench.playing import VELOCITY, new_engine, spread_note
from runtime.engine.engine import Engine
from runtime.events import Event, NoteOn
from runtime.instrument.decoder import Decoder

N_SPELLS = 20
WARM_UP_FRAMES = 8192


def measure(decoder: Decoder, case: Case, duration_s: float) -> dict[str, object]:
    """Measure a case with `duration_s` seconds of sound; returns its row of the JSON's `engine` list.

    A row has the time that a block takes, in ms (median, 99th and 99.9th percentile, longest), the block's duration as
    budget_ms, and the load: CPU seconds per second of sound. The row of a plain case adds floor_load, the load of the
    least work that makes the same sound. The row of a named case adds its name instead: its least work is not known.

    CPU time, block times and floor are measured in turn, again and again, in short spells, because a machine's speed
    may change from one second to the next. Blocks are timed at the audio thread's priority where that is permitted; for
    that, too, the spells must be short, because systems stop a real-time thread that runs for long without waiting.
    """
    engine = started(decoder, case)
    out = np.zeros((case.buffer_frames, 2), np.float32)
    for _ in range(WARM_UP_FRAMES // case.buffer_frames):
        engine.render(out)
    block_s = case.buffer_frames / engine.sample_rate_hz
    n_blocks = max(1, int(duration_s / block_s) // N_SPELLS)
    n_floor_hops = max(2, round(n_blocks * case.buffer_frames / decoder.card.spec.hop_size / 2))
    times_s = np.empty((N_SPELLS, n_blocks))
    spent_s, floor_loads = 0.0, []
    for spell in range(N_SPELLS):
        starts_s = (np.arange(n_blocks) + spell * n_blocks) * block_s
        events = [case.events_at(start_s, decoder.card.n_latents) for start_s in starts_s]
        spent_s += _spent_s(engine, events, out)
        with promoted(AUDIO_PRIORITY):
            _time_blocks(engine, events, out, times_s[spell])
        if case.name is None:
            floor_loads.append(floor_load(decoder, case.n_voices, case.moving, n_floor_hops))
    row = _row(case, times_s * 1e3, block_s * 1e3, load=spent_s / (times_s.size * block_s))
    return row | ({"floor_load": sum(floor_loads) / N_SPELLS} if case.name is None else {"case": case.name})


def started(decoder: Decoder, case: Case) -> Engine:
    """An engine to which the case's notes and `once` events are posted; nothing is rendered yet."""
    engine = new_engine(decoder, case.n_voices)
    # The load of a voice does not depend on its note.
    for number in range(case.n_voices):
        engine.post(NoteOn(0, spread_note(decoder, number), VELOCITY))
    for event in case.once:
        engine.post(event)
    return engine


def _row(case: Case, times_ms: np.ndarray, budget_ms: float, load: float) -> dict[str, object]:
    p50_ms, p99_ms, p999_ms, max_ms = (float(time_ms) for time_ms in np.percentile(times_ms, [50, 99, 99.9, 100]))
    return {
        "voices": case.n_voices,
        "buffer": case.buffer_frames,
        "moving": case.moving,
        "p50_ms": p50_ms,
        "p99_ms": p99_ms,
        "p999_ms": p999_ms,
        "max_ms": max_ms,
        "budget_ms": budget_ms,
        "load": load,
    }


def _time_blocks(engine: Engine, events: list[list[Event]], out: np.ndarray, times_s: np.ndarray) -> None:
    """Render one block for each list of events; fills `times_s`, float (n_blocks,), with the seconds that each took."""
    for block, block_events in enumerate(events):
        for event in block_events:
            engine.post(event)
        begin_s = time.perf_counter()
        engine.render(out)
        times_s[block] = time.perf_counter() - begin_s


def _spent_s(engine: Engine, events: list[list[Event]], out: np.ndarray) -> float:
    """CPU seconds to render one block for each list of events.

    The clock is read only before and after all blocks: two readings for each block would cost as much as copying out a
    block whose sound is already mixed.
    """
    begin_s = time.process_time()
    for block_events in events:
        for event in block_events:
            engine.post(event)
        engine.render(out)
    return time.process_time() - begin_s
