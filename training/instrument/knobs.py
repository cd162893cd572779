"""The knobs of a trained run: the travel of each latent, and the range of notes."""

from __future__ import annotations

import numpy as np

from runtime.instrument.card import Latent
from training.corpus.frames import FrameStore

TRAVEL_PERCENTILES = (1.0, 99.0)
SMALLEST_TRAVEL = 1e-3  # the least travel of a latent, because in a card its `max` must lie above its `min`
DEFAULT_NOTE_RANGE = (36, 96)


def describe_latents(embedding: np.ndarray, bottleneck: str, names: tuple[str, ...] = ()) -> tuple[Latent, ...]:
    """One knob per latent; its travel spans the middle 98 % of the latent's values, and its default is the median.

    embedding: latents of the training frames, (n, n_latents).
    bottleneck: the recipe's kind of bottleneck. With "sigmoid", the travel stays within 0 to 1.
    names: names of the first knobs. Further knobs are named by number.
    """
    knobs = []
    for number, values in enumerate(embedding.T.astype(np.float64), start=1):
        low, default, high = np.percentile(values, [TRAVEL_PERCENTILES[0], 50.0, TRAVEL_PERCENTILES[1]])
        if high - low < SMALLEST_TRAVEL:
            low, high = default - SMALLEST_TRAVEL / 2.0, default + SMALLEST_TRAVEL / 2.0
        if bottleneck == "sigmoid":
            low, high = max(low, 0.0), min(high, 1.0)
        name = names[number - 1] if number <= len(names) else f"latent {number}"
        knobs.append(Latent(name, *short([low, high, min(max(default, low), high)])))
    return tuple(knobs)


def positions_of(latents: np.ndarray, knobs: tuple[Latent, ...]) -> np.ndarray:
    """The knob positions for latents (n, n_latents), clipped to the range 0 to 1: float (n, n_latents)."""
    columns = [knob.position_of(values) for knob, values in zip(knobs, latents.T, strict=True)]
    return np.stack(columns, axis=1).clip(0.0, 1.0)


def note_range(store: FrameStore) -> tuple[int, int]:
    """Lowest and highest known MIDI note of the training frames; DEFAULT_NOTE_RANGE if no note is known."""
    notes = store.note[store.rows("train")]
    notes = notes[notes >= 0]
    return (int(notes.min()), int(notes.max())) if len(notes) else DEFAULT_NOTE_RANGE


def short(values: object) -> list[float]:
    """The values (n,) as Python floats that print with no more digits than a float32 needs."""
    return [float(str(value)) for value in np.asarray(values, np.float32)]
