"""Measures reach: how close the knobs come to held-out sounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from runtime.base.errors import UserError
from runtime.instrument.conditioning import Conditioning
from training.corpus.frames import FrameStore
from training.hearing.spectral_distance import level_distance_db, log_spectral_distance_db, log_spectrum_db
from training.instrument.embedding import batches_of, decoder_inputs
from training.instrument.knobs import positions_of
from training.instrument.points import Playable, Points, decode_points
from training.model.run_folder import TrainedRun

N_FRAMES = 400
N_FIRST, N_NEAR = 96, 24  # knob positions tried for each frame: in the first round, and in each later round
N_AT_ONCE = 20  # the positions tried for this many frames are decoded together
# The standard deviation of the positions tried around the best one, for each round after the first.
SPREADS = (0.2, 0.12, 0.08, 0.05, 0.03, 0.02, 0.01)


def held_out_rows(
    store: FrameStore, conditioning: Conditioning, n: int = N_FRAMES, seed: int = 0
) -> tuple[np.ndarray, int]:
    """Row numbers of at most n random held-out frames, and the number of held-out frames that are left out.

    Held-out frames are those frames of val and test whose notes occur in train. A held-out frame is left out if its
    note lies outside the conditioning's octaves. Row numbers ascend. The same seed gives the same row numbers.
    UserError if all held-out frames are left out.
    """
    rows = np.concatenate([store.rows("val"), store.rows("test")])
    rows = rows[np.isin(store.note[rows], store.note[store.rows("train")])]
    known = rows[np.isin(store.note[rows], conditioning.notes)] if conditioning.notes else rows
    if len(rows) and not len(known):
        found = "no held-out frame at a note that the instrument knows"
        expected = f"some at MIDI notes {conditioning.notes[0]} to {conditioning.notes[-1]}"
        raise UserError(store.folder, found, expected, "give another --corpus")
    return np.sort(np.random.default_rng(seed).permutation(known)[:n]), len(rows) - len(known)


def measure_reach(instrument: Playable, store: FrameStore, run: TrainedRun | None = None) -> dict[str, float] | None:
    """Measure how close the instrument comes to held-out frames; None if there are none.

    Mean log-spectral distances from a held-out frame, in dB:
    - `nearest_db`: to the nearest frame that the search over knob positions found
    - `reconstruction_db`, only with a run: to the frame decoded from the encoder's latents
    - `corpus_mean_db`: to the mean training frame of the same note

    Counts:
    - `n_frames`: held-out frames measured
    - `n_left_out`, only if not 0: held-out frames at notes that the instrument does not know

    UserError if the instrument knows none of these frames' notes, or if the corpus's frames have another spec than the
    instrument's.
    """
    spec = store.spec
    if spec != instrument.card.spec:
        expected = f"{_frames_of(instrument.card.spec)}, as the instrument has"
        raise UserError(store.folder, _frames_of(spec), expected, "give another --corpus")
    rows, n_left_out = held_out_rows(store, instrument.card.conditioning)
    if not len(rows):
        return None
    frames, notes = np.asarray(store.magnitudes[rows]), store.note[rows].astype(int)
    figures: dict[str, Any] = {"n_frames": len(rows)} | ({"n_left_out": n_left_out} if n_left_out else {})
    first = None
    if run is not None:
        latents = run.embed(batches_of(run, store).encoder_inputs(rows))
        decoded = run.decode(decoder_inputs(run, latents, notes))
        figures["reconstruction_db"] = float(log_spectral_distance_db(decoded, frames, spec).mean())
        first = positions_of(latents, instrument.card.latents)
    figures["nearest_db"] = float(_nearest_db(instrument, frames, notes, first).mean())
    figures["corpus_mean_db"] = float(log_spectral_distance_db(_note_means(store, notes), frames, spec).mean())
    return figures


def _frames_of(spec: StftSpec) -> str:
    return f"frames of {spec.frame_size} samples every {spec.hop_size} at {spec.sample_rate_hz} Hz"


def _nearest_db(instrument: Playable, frames: np.ndarray, notes: np.ndarray, first: np.ndarray | None) -> np.ndarray:
    """For each frame, the least distance in dB that a random search over knob positions finds: (n,).

    The first round draws positions over the whole travel. Each later round draws around the best position so far, with
    a smaller spread.

    frames: (n, n_bins).
    notes: the frames' MIDI notes, (n,).
    first: for each frame, one more position that the first round tries, (n, n_latents); or None.
    """
    random, n_latents, spec = np.random.default_rng(0), instrument.card.n_latents, instrument.card.spec
    targets = log_spectrum_db(frames, spec)
    best = random.random((len(frames), n_latents)) if first is None else first
    best_db = np.full(len(frames), np.inf)
    for spread in (None, *SPREADS):
        n = N_FIRST if spread is None else N_NEAR
        if spread is None:
            positions = random.random((len(frames), n, n_latents))
        else:
            positions = best[:, None] + spread * random.standard_normal((len(frames), n, n_latents))
        positions[:, 0] = best
        positions = positions.clip(0.0, 1.0)
        for start in range(0, len(frames), N_AT_ONCE):
            rows = np.arange(start, min(start + N_AT_ONCE, len(frames)))
            points = Points(np.repeat(notes[rows], n), positions[rows].reshape(-1, n_latents))
            decoded = log_spectrum_db(decode_points(instrument, points), spec).reshape(len(rows), n, -1)
            distances_db = level_distance_db(decoded, targets[rows, None])
            best[rows] = positions[rows, distances_db.argmin(axis=1)]
            best_db[rows] = distances_db.min(axis=1)
    return best_db


def _note_means(store: FrameStore, notes: np.ndarray) -> np.ndarray:
    rows = store.rows("train")
    train_notes = store.note[rows]
    means = {int(note): store.magnitudes[rows[train_notes == note]].mean(axis=0) for note in np.unique(notes)}
    return np.array([means[int(note)] for note in notes])
