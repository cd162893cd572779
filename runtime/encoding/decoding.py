"""Decodes knob positions at one note."""

from __future__ import annotations

import numpy as np

from runtime.instrument.decoder import MAX_BATCH, Decoder


def decode(decoder: Decoder, positions: np.ndarray, note: int) -> np.ndarray:
    """The decoder's spectra at several knob positions and one note, float32 (n, n_bins).

    positions: (n, n_latents).
    note: one of the model's notes.
    """
    card = decoder.card
    out = np.empty((len(positions), card.spec.n_bins), np.float32)
    conditioning = card.conditioning.rows(np.array([note]))[0]
    for first in range(0, len(positions), MAX_BATCH):
        rows = card.latents_at(positions[first : first + MAX_BATCH])
        decoder.inputs[: len(rows), : card.n_latents] = rows
        decoder.inputs[: len(rows), card.n_latents :] = conditioning
        out[first : first + len(rows)] = decoder.decode(len(rows))
    return out
