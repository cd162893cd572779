"""Run a trained model over many frames: their latents, and what the decoder makes of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.corpus.frames import SPLITS, FrameStore
from training.model.batches import FrameBatches
from training.model.run_folder import TrainedRun

CHUNK = 2000


def batches_of(run: TrainedRun, store: FrameStore) -> FrameBatches:
    """The store seen through the run's recipe and conditioning."""
    return FrameBatches(store, run.recipe, run.record.conditioning)


def embed_rows(run: TrainedRun, store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """Latents, float32 (n, n_latents), of these frames."""
    batches = batches_of(run, store)
    return in_chunks(lambda chosen: run.embed(batches.encoder_inputs(chosen)), rows, run.recipe.model.n_latents)


def divergence_per_latent(run: TrainedRun, store: FrameStore, rows: np.ndarray) -> np.ndarray | None:
    """Mean Kullback-Leibler divergence of each latent in nats, (n_latents,), of these frames; None if not variational.

    A latent near 0 tells the decoder nothing: it has collapsed onto the prior.
    """
    if run.autoencoder.posterior is None:
        return None
    from training.model.variational import divergence

    batches = batches_of(run, store)

    def nats(chosen: np.ndarray) -> np.ndarray:
        return np.asarray(divergence(*run.autoencoder.posterior.predict_on_batch(batches.encoder_inputs(chosen))))

    return in_chunks(nats, rows, run.recipe.model.n_latents).mean(axis=0)


def decoder_inputs(run: TrainedRun, latents: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """The decoder's input, float32 (n, n_latents + conditioning), from latents (n, n_latents) and notes (n,)."""
    return np.concatenate([latents, run.record.conditioning.rows(notes)], axis=1).astype(np.float32)


def decode_at(run: TrainedRun, latents: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """The decoder's frames (n, n_bins) at latents (n, n_latents) and notes (n,), in batches of one size."""
    inputs = decoder_inputs(run, latents, notes)
    return in_chunks(lambda rows: run.decode(inputs[rows]), np.arange(len(inputs)), run.decoder.output_shape[1])


def row_errors(run: TrainedRun, store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """Mean squared error of each of these frames, float32 (n,)."""
    batches = batches_of(run, store)

    def error(chosen: np.ndarray) -> np.ndarray:
        inputs = batches.inputs(chosen)
        output = np.asarray(run.autoencoder.full.predict_on_batch(inputs))
        return np.mean(np.square(output - inputs[0]), axis=1, keepdims=True)

    return in_chunks(error, rows, 1)[:, 0]


def split_errors(run: TrainedRun, store: FrameStore) -> dict[str, float | None]:
    """Mean squared error of every split; None for one without frames."""
    errors = {split: row_errors(run, store, store.rows(split)) for split in SPLITS}
    return {split: float(error.mean()) if len(error) else None for split, error in errors.items()}


def in_chunks(function: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, width: int) -> np.ndarray:
    """What `function` makes of these rows, float32 (n, width), computed a few thousand at a time.

    The last chunk is filled up, because every new batch size would compile the model anew.
    """
    result = np.empty((len(rows), width), np.float32)
    for start in range(0, len(rows), CHUNK):
        chosen = rows[start : start + CHUNK]
        filled = np.concatenate([chosen, np.repeat(chosen[:1], CHUNK - len(chosen), axis=0)])
        result[start : start + len(chosen)] = function(filled)[: len(chosen)]
    return result
