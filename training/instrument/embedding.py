"""Runs a trained model over many frames: encodes, decodes, and measures errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.corpus.frames import SPLITS, FrameStore
from training.model.batches import FrameBatches
from training.model.run_folder import TrainedRun

N_ROWS_AT_ONCE = 2000


def batches_of(run: TrainedRun, store: FrameStore) -> FrameBatches:
    """The store's FrameBatches, with the recipe and the conditioning of the run."""
    return FrameBatches(store, run.recipe, run.record.conditioning)


def embed_rows(run: TrainedRun, store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """Encode frames; returns their latents, float32 (n, n_latents).

    rows: the frames' row numbers, int (n,).
    """
    batches = batches_of(run, store)
    return in_chunks(lambda chosen: run.embed(batches.encoder_inputs(chosen)), rows, run.recipe.model.n_latents)


def divergence_per_latent(run: TrainedRun, store: FrameStore, rows: np.ndarray) -> np.ndarray | None:
    """Mean Kullback-Leibler divergence of each latent in nats, (n_latents,); None if the model is not variational.

    A divergence near 0 means a collapsed latent.

    rows: the frames' row numbers, int (n,).
    """
    if run.autoencoder.posterior is None:
        return None
    from training.model.variational import divergence

    batches = batches_of(run, store)

    def nats(chosen: np.ndarray) -> np.ndarray:
        return np.asarray(divergence(*run.autoencoder.posterior.predict_on_batch(batches.encoder_inputs(chosen))))

    return in_chunks(nats, rows, run.recipe.model.n_latents).mean(axis=0)


def decoder_inputs(run: TrainedRun, latents: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """The decoder's input, float32 (n, n_inputs): each row has a frame's latents, then its note's conditioning.

    latents: (n, n_latents).
    notes: MIDI notes, (n,). If the conditioning has no octaves, they may be pitch classes.
    """
    return np.concatenate([latents, run.record.conditioning.rows(notes)], axis=1).astype(np.float32)


def decode_at(run: TrainedRun, latents: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """Decode latents at notes, both as in `decoder_inputs`; returns frames, float32 (n, n_bins)."""
    inputs = decoder_inputs(run, latents, notes)
    return in_chunks(lambda rows: run.decode(inputs[rows]), np.arange(len(inputs)), run.decoder.output_shape[1])


def row_errors(run: TrainedRun, store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """Mean squared error of the model on each frame, float32 (n,); rows: the frames' row numbers, int (n,)."""
    batches = batches_of(run, store)

    def error(chosen: np.ndarray) -> np.ndarray:
        inputs = batches.inputs(chosen)
        output = np.asarray(run.autoencoder.full.predict_on_batch(inputs))
        return np.mean(np.square(output - inputs[0]), axis=1, keepdims=True)

    return in_chunks(error, rows, 1)[:, 0]


def row_errors_by_split(run: TrainedRun, store: FrameStore) -> dict[str, np.ndarray]:
    """For each split, the model's mean squared error on each frame of this split, float32 (n,)."""
    return {split: row_errors(run, store, store.rows(split)) for split in SPLITS}


def mean_by_split(errors: dict[str, np.ndarray]) -> dict[str, float | None]:
    """The mean error of each split; None for a split without frames.

    errors: for each split, the errors of its frames, (n,).
    """
    return {split: float(error.mean()) if len(error) else None for split, error in errors.items()}


def split_errors(run: TrainedRun, store: FrameStore) -> dict[str, float | None]:
    """Mean squared error of the model on each split; None for a split without frames."""
    return mean_by_split(row_errors_by_split(run, store))


def in_chunks(function: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, width: int) -> np.ndarray:
    """Call `function` on row numbers (n,), N_ROWS_AT_ONCE at a time; returns the joined results, float32 (n, width).

    Copies of a row fill up the last call, because the model would be compiled again for another batch size.
    """
    result = np.empty((len(rows), width), np.float32)
    for start in range(0, len(rows), N_ROWS_AT_ONCE):
        chosen = rows[start : start + N_ROWS_AT_ONCE]
        filled = np.concatenate([chosen, np.repeat(chosen[:1], N_ROWS_AT_ONCE - len(chosen), axis=0)])
        result[start : start + len(chosen)] = function(filled)[: len(chosen)]
    return result
