"""Measures the time until a key or a knob is heard."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.bench.playing import VELOCITY, knob_turns, new_engine, spread_note
from runtime.events import KnobTurn, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.live.output.event_frames import most_at_once

BUFFER_FRAMES = 64
N_BLOCKS = 32
KEY_BLOCK = 8
N_BACKGROUND_NOTES = 16
HEARD_RATIO = 10.0 ** (-20.0 / 20.0)
KNOB_SOUND_FRAMES = 32768
KNOB_STEP_FRAMES = range(16384, 17408)
SMOOTHING_FRAMES = 512


def note_on_ms(
    decoder: Decoder, n_notes: int, n_trials: int, on_trial: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Time in ms from a key to its sound: median, 99th percentile and maximum.

    In a trial, `n_notes` keys go down together while 16 other notes sound and every knob moves. A device's own latency
    is not included.
    on_trial: called after each trial.
    """
    random = np.random.default_rng(0)
    delays_ms = []
    for _ in range(n_trials):
        delay_frames, late_s = press_keys(decoder, n_notes, random)
        delays_ms.append((delay_frames / decoder.card.sample_rate_hz + late_s) * 1e3)
        on_trial()
    return _summary(delays_ms)


def press_keys(decoder: Decoder, n_notes: int, random: np.random.Generator) -> tuple[int, float]:
    """Press `n_notes` keys together; returns the frames until the last is heard, and the lateness of the notes in s.

    random: chooses the engine's seed, and the frame in a block at which the keys go down.
    As in `play`, the first notes begin one block (64 frames) after the keys go down; of a large chord, the next notes
    begin a block later, and so on (`most_at_once`).
    The last notes are heard at the first frame whose absolute sample is at most 20 dB below the sustained peak. The
    sustained peak is the peak of the last eight of N_BLOCKS blocks.
    The lateness is max(0, rendering time - playing time) of a block in which notes begin; of several, the longest.
    """
    seed, offset = int(random.integers(2**31)), int(random.integers(BUFFER_FRAMES))
    pressed = offset + KEY_BLOCK * BUFFER_FRAMES
    at_once, keys = most_at_once(BUFFER_FRAMES), list[tuple[NoteOn, int]]()
    for number in range(n_notes):
        key = NoteOn(1, spread_note(decoder, 100 + number), VELOCITY)
        keys.append((key, pressed + (1 + number // at_once) * BUFFER_FRAMES))
    _, rendering_s = _play_keys(decoder, keys, seed, among_others=True)
    # Without the other notes, all that is heard comes from the last keys.
    last = [(key, begin) for key, begin in keys if begin == keys[-1][1]]
    alone, _ = _play_keys(decoder, last, seed, among_others=False)
    sustained_peak = alone[-8 * BUFFER_FRAMES :].max()
    heard = int(np.argmax(alone >= HEARD_RATIO * sustained_peak))
    return heard - pressed, max(0.0, rendering_s - BUFFER_FRAMES / decoder.card.sample_rate_hz)


def _play_keys(
    decoder: Decoder, keys: list[tuple[NoteOn, int]], seed: int, among_others: bool
) -> tuple[np.ndarray, float]:
    """Render keys, each given with the frame at which its note begins.

    Returns two things:
    - the absolute samples of the left channel, (n_frames,)
    - the longest time that it took to render a block in which notes begin, in s
    """
    engine = new_engine(decoder, N_BACKGROUND_NOTES + len(keys), seed)
    for number in range(N_BACKGROUND_NOTES if among_others else 0):
        engine.post(NoteOn(0, spread_note(decoder, number), VELOCITY), 0)
    blocks = np.zeros((N_BLOCKS, BUFFER_FRAMES, 2), np.float32)
    begin_blocks, rendering_s = {begin // BUFFER_FRAMES for _, begin in keys}, 0.0
    with promoted(AUDIO_PRIORITY):
        for number, block in enumerate(blocks):
            if number == KEY_BLOCK:
                for key, begin in keys:
                    engine.post(key, begin)
            if among_others:
                for turn in knob_turns(decoder.card.n_latents, number * 0.01):
                    engine.post(turn)
            begin_s = time.perf_counter()
            engine.render(block)
            if number in begin_blocks:
                rendering_s = max(rendering_s, time.perf_counter() - begin_s)
    return np.abs(blocks[:, :, 0]).reshape(-1), rendering_s


def knob_ms(decoder: Decoder, n_trials: int, on_trial: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Time in ms from a step of all knobs until 90 % of the sound's change is done: median, 99th percentile, maximum.

    n_trials: number of steps. on_trial: called after each step.
    """
    random = np.random.default_rng(1)
    delays_ms = []
    for _ in range(n_trials):
        delays_ms.append(step_knobs(decoder, random) / decoder.card.sample_rate_hz * 1e3)
        on_trial()
    return _summary(delays_ms)


def step_knobs(decoder: Decoder, random: np.random.Generator) -> int:
    """Move all knobs from 0 to 1 while a note sounds; returns the frames until 90 % of the sound's change is done.

    random: chooses the note, the frame of the step, and the seed of the noise.
    The note is rendered three times with the same noise:
    stepped: with the step.
    before: with all knobs at 0.
    after: with all knobs at 1.
    90 % of the change is done when RMS(stepped - after) <= 0.1 RMS(before - after). Each RMS is taken over
    SMOOTHING_FRAMES.
    """
    n_latents = decoder.card.n_latents
    seed, note = int(random.integers(2**31)), spread_note(decoder, int(random.integers(64)))
    step = int(random.integers(KNOB_STEP_FRAMES.start, KNOB_STEP_FRAMES.stop))

    def play(*positions: tuple[int, float]) -> np.ndarray:
        engine = new_engine(decoder, 1, seed)
        for frame, position in positions:
            for latent in range(n_latents):
                engine.post(KnobTurn(latent, position), frame)
        engine.post(NoteOn(0, note, VELOCITY), 0)
        out = np.zeros((KNOB_SOUND_FRAMES, 2), np.float32)
        engine.render(out)
        return out[:, 0]

    stepped, before, after = play((0, 0.0), (step, 1.0)), play((0, 0.0)), play((0, 1.0))
    remaining, whole = _power(stepped - after)[step:], _power(before - after)[step:]
    return int(np.argmax(remaining <= 0.1**2 * whole))


def _power(sound: np.ndarray) -> np.ndarray:
    return np.convolve(np.square(sound), np.full(SMOOTHING_FRAMES, 1.0 / SMOOTHING_FRAMES), "same")


def _summary(values: list[float]) -> dict[str, float]:
    p50, p99, largest = (float(value) for value in np.percentile(values, [50, 99, 100]))
    return {"p50": p50, "p99": p99, "max": largest}
