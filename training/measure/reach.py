"""Reach: how near the knobs come to sounds that a model has not heard while it learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.corpus.frames import FrameStore
from training.hearing.spectral_distance import log_spectral_distance_db, log_spectrum_db
from training.instrument.embedding import batches_of, decoder_inputs
from training.instrument.points import Playable, Points, decode_points
from training.model.run_folder import TrainedRun

N_FRAMES = 400
N_FIRST, N_NEAR = 96, 24
N_AT_ONCE = 20  # frames whose places are decoded together
SPREADS = (0.2, 0.12, 0.08, 0.05, 0.03, 0.02, 0.01)  # of the search, in parts of the travel


def held_out_rows(store: FrameStore, n: int = N_FRAMES, seed: int = 0) -> np.ndarray:
    """At most n rows of val and test, ascending, the same for every model of a corpus; of notes that training knows."""
    rows = np.concatenate([store.rows("val"), store.rows("test")])
    rows = rows[np.isin(store.note[rows], store.note[store.rows("train")])]
    return np.sort(np.random.default_rng(seed).permutation(rows)[:n])


def measure_reach(instrument: Playable, store: FrameStore, run: TrainedRun | None = None) -> dict[str, float] | None:
    """Log-spectral distances in dB of held-out frames, means: to the nearest place of the knobs, to the run's own
    reconstruction by its encoder, and to the mean of the training frames of the same note. None without such frames.
    """
    spec, rows = store.spec, held_out_rows(store)
    if not len(rows):
        return None
    frames, notes = np.asarray(store.magnitudes[rows]), store.note[rows].astype(int)
    figures: dict[str, Any] = {"n_frames": len(rows)}
    first = None
    if run is not None:
        latents = run.embed(batches_of(run, store).encoder_inputs(rows))
        decoded = run.decode(decoder_inputs(run, latents, notes))
        figures["reconstruction_db"] = float(log_spectral_distance_db(decoded, frames, spec).mean())
        low = instrument.card.latents_at(np.zeros(latents.shape[1]))
        travel = instrument.card.latents_at(np.ones(latents.shape[1])) - low
        first = ((latents - low) / travel).clip(0.0, 1.0)
    figures["nearest_db"] = float(_nearest_db(instrument, frames, notes, first).mean())
    figures["corpus_mean_db"] = float(log_spectral_distance_db(_note_means(store, notes), frames, spec).mean())
    return figures


def _nearest_db(instrument: Playable, frames: np.ndarray, notes: np.ndarray, first: np.ndarray | None) -> np.ndarray:
    """Distance in dB of each frame (n, n_bins) to its nearest place, (n,): a random search, ever closer to the best."""
    random, n_latents, spec = np.random.default_rng(0), instrument.card.n_latents, instrument.card.spec
    targets = log_spectrum_db(frames, spec)
    best = random.random((len(frames), n_latents)) if first is None else first
    best_db = np.full(len(frames), np.inf)
    for spread in (None, *SPREADS):
        n = N_FIRST if spread is None else N_NEAR
        if spread is None:
            places = random.random((len(frames), n, n_latents))
        else:
            places = best[:, None] + spread * random.standard_normal((len(frames), n, n_latents))
        places[:, 0] = best
        places = places.clip(0.0, 1.0)
        for start in range(0, len(frames), N_AT_ONCE):
            rows = np.arange(start, min(start + N_AT_ONCE, len(frames)))
            points = Points(np.repeat(notes[rows], n), places[rows].reshape(-1, n_latents))
            decoded = log_spectrum_db(decode_points(instrument, points), spec).reshape(len(rows), n, -1)
            apart = np.sqrt(np.square(decoded - targets[rows, None]).mean(axis=-1))
            nearest = apart.argmin(axis=1)
            best[rows], best_db[rows] = places[rows, nearest], apart.min(axis=1)
    return best_db


def _note_means(store: FrameStore, notes: np.ndarray) -> np.ndarray:
    """For each of these notes (n,), the mean of its training frames, float32 (n, n_bins)."""
    rows = store.rows("train")
    train_notes = store.note[rows]
    means = {int(note): store.magnitudes[rows[train_notes == note]].mean(axis=0) for note in np.unique(notes)}
    return np.array([means[int(note)] for note in notes])
