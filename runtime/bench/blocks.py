"""Measures one case of `bench`."""

from __future__ import annotations

import time

import numpy as np

from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.bench.cases import Case
from runtime.bench.floor import floor_load
from runtime.bench.playing import VELOCITY, new_engine, new_rack, spread_note
from runtime.engine.engine import Engine
from runtime.events import Event, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.rack.rack import Rack

N_SPELLS = 20
WARM_UP_FRAMES = 8192


def measure(decoder: Decoder, case: Case, duration_s: float) -> dict[str, object]:
    """Measure a case with `duration_s` seconds of sound; returns its row in the list `engine` of bench's JSON.

    A row has these values, besides those that describe the case:
    p50_ms, p99_ms, p999_ms, max_ms: median, 99th percentile, 99.9th percentile and maximum of the blocks' times.
    budget_ms: the block's duration.
    load: CPU seconds per second of sound.
    floor_load: the load of the work that no engine can avoid; only in a plain case.
    case: the case's name; only in a named case.
    p99_of_plain, load_of_plain: p99_ms and load, divided by those of the plain case; only in a named case.

    Times and loads are measured in turn, in short spells. So a change of the machine's speed, which may come from one
    second to the next, affects both alike. Also, systems stop a real-time thread that never waits.
    """
    block_s = case.buffer_frames / decoder.card.sample_rate_hz
    n_blocks = max(1, int(duration_s / block_s) // N_SPELLS)
    n_floor_hops = max(2, round(n_blocks * case.buffer_frames / decoder.card.spec.hop_size / 2))
    runs = [_Run(decoder, each, n_blocks) for each in ((case,) if case.name is None else (case, case.plain))]
    floor_loads = []
    for _ in range(N_SPELLS):
        for run in runs:
            run.measure_spell()
        if case.name is None:
            floor_loads.append(floor_load(decoder, case.n_voices, case.moving, n_floor_hops))
    row = _row(case, runs[0].times_ms, block_s * 1e3, runs[0].load)
    if case.name is None:
        return row | {"floor_load": sum(floor_loads) / N_SPELLS}
    plain_p99_ms = float(np.percentile(runs[1].times_ms, 99))
    ratios = {"p99_of_plain": row["p99_ms"] / plain_p99_ms, "load_of_plain": row["load"] / runs[1].load}
    return row | {"case": case.name} | ratios


class _Run:
    def __init__(self, decoder: Decoder, case: Case, n_blocks: int):
        self._engine, self._case, self._n_latents = started(decoder, case), case, decoder.card.n_latents
        self._out = np.zeros((case.buffer_frames, 2), np.float32)
        self._block_s, self._n_blocks = case.buffer_frames / self._engine.sample_rate_hz, n_blocks
        self._times_s: list[np.ndarray] = []
        self._spent_s, self._n_done = 0.0, 0
        for _ in range(WARM_UP_FRAMES // case.buffer_frames):
            self._engine.render(self._out)

    def measure_spell(self) -> None:
        """Play a spell's blocks, and measure their total CPU time. Then play as many again, and time each block."""
        starts_s = (np.arange(self._n_blocks) + self._n_done) * self._block_s
        events = [self._case.events_at(start_s, self._n_latents) for start_s in starts_s]
        self._n_done += self._n_blocks
        self._spent_s += _spent_s(self._engine, events, self._out)
        times_s = np.empty(self._n_blocks)
        with promoted(AUDIO_PRIORITY):
            _time_blocks(self._engine, events, self._out, times_s)
        self._times_s.append(times_s)

    @property
    def times_ms(self) -> np.ndarray:
        return np.concatenate(self._times_s) * 1e3

    @property
    def load(self) -> float:
        """CPU seconds per second of sound."""
        return self._spent_s / (self._n_done * self._block_s)


def started(decoder: Decoder, case: Case) -> Engine | Rack:
    """A new engine or rack, to which the case's notes and its `once` events have been posted."""
    sound = case.sound(decoder.card)
    if case.in_rack:
        engine = new_rack(decoder, case.n_voices, sound)
    else:
        engine = new_engine(decoder, case.n_voices, sound=sound)
    # Any notes will do, because a voice's load does not depend on its note.
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


def _time_blocks(engine: Engine | Rack, events: list[list[Event]], out: np.ndarray, times_s: np.ndarray) -> None:
    """For each list in `events`, render a block, and write its rendering time to `times_s`, float (n_blocks,)."""
    for block, block_events in enumerate(events):
        for event in block_events:
            engine.post(event)
        begin_s = time.perf_counter()
        engine.render(out)
        times_s[block] = time.perf_counter() - begin_s


def _spent_s(engine: Engine | Rack, events: list[list[Event]], out: np.ndarray) -> float:
    """CPU seconds for all blocks together.

    The clock is not read for each block, because reading it takes as long as some blocks take.
    """
    begin_s = time.process_time()
    for block_events in events:
        for event in block_events:
            engine.post(event)
        engine.render(out)
    return time.process_time() - begin_s
