"""Makes the map of an instrument: training frames as places on a plane."""

from __future__ import annotations

import numpy as np

from runtime.instrument.card import Embedding, Latent
from training.corpus.frames import FrameStore, sound_name
from training.instrument.knobs import positions_of

N_PLACES = 400


def embedding_of(store: FrameStore, rows: np.ndarray, latents: np.ndarray, knobs: tuple[Latent, ...]) -> Embedding:
    """The map of at most N_PLACES training frames.

    Frames of transposed clips are left out. The frames of the map are spread evenly over the remaining rows. The axes
    of the map are the first two principal components of the knob positions. Each axis is scaled to 0 to 1.

    rows: numbers of the training frames in the store, int (n,).
    latents: the latents of these frames, (n, n_latents).
    """
    original = np.array([store.clips[clip].transposed == 0 for clip in store.clip[rows]])
    rows, latents = rows[original], latents[original]
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(N_PLACES, len(rows))).round().astype(int))
    positions = positions_of(latents, knobs)
    centred = positions - positions.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    plane = np.zeros((len(positions), 2))
    plane[:, : len(directions)] = centred @ directions.T
    span = np.maximum(np.ptp(plane, axis=0), 1e-9)
    plane = (plane - plane.min(axis=0)) / span
    labels = tuple(sound_name(store.clips[clip]) for clip in store.clip[rows[chosen]])
    return Embedding(_rounded(positions[chosen]), labels, _rounded(plane[chosen]))


def _rounded(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(value), 3) for value in row) for row in values)
