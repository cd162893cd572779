"""How long notes and knobs take to be heard."""

from __future__ import annotations

import time

import numpy as np

from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.bench.blocks import VELOCITY, knob_turns, new_engine, spread_note
from runtime.events import KnobTurn, NoteOn
from runtime.instrument.decoder import Decoder

LATENCY_BUFFER_FRAMES = 64
HEARD_RATIO = 10.0 ** (-20.0 / 20.0)


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
