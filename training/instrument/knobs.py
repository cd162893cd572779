"""The knobs of a trained run: how far each latent may be turned, and which notes it can be asked for."""

from __future__ import annotations

import numpy as np

from runtime.instrument.card import Latent
from runtime.instrument.conditioning import Conditioning
from training.corpus.frames import FrameStore

TRAVEL_PERCENTILES = (1.0, 99.0)
SMALLEST_TRAVEL = 1e-3
DEFAULT_NOTE_RANGE = (36, 96)


def describe_latents(embedding: np.ndarray, bottleneck: str, names: tuple[str, ...] = ()) -> tuple[Latent, ...]:
    """One knob per latent: its travel covers all but the outermost two hundredths of the embedding (n, n_latents).

    names: of the first knobs; the others are numbered. A latent that the model left unused keeps a short travel,
    because the card needs one.
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


def note_range(store: FrameStore, conditioning: Conditioning) -> tuple[int, int]:
    """Lowest and highest note that the decoder has learned; the corpus's known notes where it has any."""
    notes = store.note[store.rows("train")]
    notes = notes[notes >= 0]
    return (int(notes.min()), int(notes.max())) if len(notes) else DEFAULT_NOTE_RANGE


def short(values: object) -> list[float]:
    """Numbers as floats that print with no more digits than float32 holds."""
    return [float(str(value)) for value in np.asarray(values, np.float32)]
