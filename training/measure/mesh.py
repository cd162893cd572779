"""Sample the latent space on a mesh, and see where the decoder plays the pitch class that it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.acoustics.pitch import N_CHROMA, PITCH_CLASSES, detect_chroma
from runtime.base.progress import Progress
from training.corpus.frames import NO_NOTE, FrameStore
from training.hearing.heard_pitch import IN_TUNE_CENTS, heard_notes
from training.instrument.embedding import CHUNK, decode_at
from training.model.recipe import label_notes
from training.model.run_folder import TrainedRun

PAPER_MESH = {2: 350, 3: 50, 8: 5}  # points per axis for so many latents; the paper's, Figures 4-5 and Table V
LARGEST_MESH = 40_000
N_HEARD = 2000
BORDER_SHARE = 0.1  # of an axis, at each of its ends


@dataclass(frozen=True)
class Mesh:
    """What a decoder answered on a mesh of latents.

    bounds: (n_latents, 2), the mesh's ends; notes: the note asked for, by pitch class; hits: bool
    (len(notes), n_per_axis, … once per latent), where the output's own chroma is the one asked for;
    heard: share of N_HEARD seeded points whose heard pitch is in tune with it, by pitch class.
    """

    bounds: np.ndarray
    notes: dict[int, int]
    hits: np.ndarray
    heard: dict[int, float]

    @property
    def n_per_axis(self) -> int:
        """Points along each latent."""
        return self.hits.shape[1]

    def border(self) -> np.ndarray:
        """Which points, bool (n_per_axis, …), lie in the outer tenth of some latent."""
        near = np.abs(np.linspace(-1.0, 1.0, self.n_per_axis)) >= 1.0 - 2.0 * BORDER_SHARE
        grids = np.meshgrid(*[near] * (self.hits.ndim - 1), indexing="ij", sparse=True)
        return np.logical_or.reduce(np.broadcast_arrays(*grids))

    def map(self) -> np.ndarray:
        """Share of hits, float32 (len(notes), n_per_axis, n_per_axis or 1), over the first two latents."""
        hits = self.hits if self.hits.ndim > 2 else self.hits[:, :, None]
        return hits.mean(axis=tuple(range(3, hits.ndim)), dtype=np.float32)

    def summary(self) -> dict[str, Any]:
        """The figures of Table V and beside them, as plain values."""
        names = [PITCH_CLASSES[pitch_class] for pitch_class in self.notes]
        border, shares = self.border(), self.hits.reshape(len(names), -1).mean(axis=1)
        missed = ~self.hits
        return {
            "points_per_axis": self.n_per_axis,
            "n_points": self.hits[0].size,
            "bounds": self.bounds.tolist(),
            "asked_notes": dict(zip(names, self.notes.values(), strict=True)),
            "accuracy": float(shares.mean()),
            "accuracy_by_pitch_class": dict(zip(names, shares.tolist(), strict=True)),
            "mismatch_border": float(missed[:, border].mean()),
            "mismatch_inside": float(missed[:, ~border].mean()) if not border.all() else None,
            "n_heard_points": N_HEARD,
            "heard": float(np.mean(list(self.heard.values()))),
            "heard_by_pitch_class": {PITCH_CLASSES[index]: share for index, share in self.heard.items()},
        }


def sample_mesh(
    run: TrainedRun,
    store: FrameStore,
    latents: np.ndarray,
    n_per_axis: int | None = None,
    on_share: Callable[[float], None] | None = None,
) -> Mesh | None:
    """The decoder's answers over a mesh of latents; None without conditioning, as there is nothing to ask for.

    The mesh fills a sigmoid's unit cube, or the bounds of the embedding (n, n_latents). Pitch classes that the
    training set lacks are left out. Where the model knows octaves it is asked for the middle of the known notes.
    on_share: told of the share that is done, in place of a line of progress. Source: the paper's Table V.
    """
    if run.record.conditioning.kind == "none":
        return None
    n_latents = latents.shape[1]
    n_per_axis = n_per_axis or points_per_axis(n_latents)
    bounds = mesh_bounds(run, latents)
    axes = [np.linspace(a, b, n_per_axis) for a, b in bounds]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, n_latents).astype(np.float32)
    notes = asked_notes(run, store)
    progress = None if on_share else Progress("mesh", 1.0)
    show = on_share or progress.update
    hits = np.empty((len(notes), len(points)), bool)
    for index, (pitch_class, note) in enumerate(notes.items()):
        for start in range(0, len(points), CHUNK):
            chunk = points[start : start + CHUNK]
            decoded = decode_at(run, chunk, np.full(len(chunk), note))
            right = detect_chroma(decoded, store.spec.bin_hz) == pitch_class
            hits[index, start : start + len(chunk)] = right & decoded.any(axis=1)  # silence would count as a C
            show((index + (start + len(chunk)) / len(points)) / len(notes))
    if progress:
        progress.close()
    shape = (len(notes), *[n_per_axis] * n_latents)
    return Mesh(bounds, notes, hits.reshape(shape), _hear(run, store, points, notes))


def points_per_axis(n_latents: int) -> int:
    """The paper's number of points along each of so many latents, or one that makes a mesh of a similar size."""
    return PAPER_MESH.get(n_latents) or max(int(LARGEST_MESH ** (1.0 / n_latents)), 2)


def mesh_bounds(run: TrainedRun, latents: np.ndarray) -> np.ndarray:
    """Where a mesh begins and ends on each latent, (n_latents, 2): the unit cube, or the embedding's bounds."""
    if run.recipe.model.bottleneck == "sigmoid":
        return np.repeat([[0.0, 1.0]], latents.shape[1], axis=0)
    return np.stack([latents.min(axis=0), latents.max(axis=0)], axis=1).astype(float)


def asked_notes(run: TrainedRun, store: FrameStore) -> dict[int, int]:
    """The note that stands for each pitch class of the training set: the one nearest the middle of those it has.

    Where the notes played are known, a pitch class that was only detected, in a few odd frames, is not asked for.
    """
    rows = store.rows("train")
    notes, played = np.unique(label_notes(run.recipe, store, rows)), np.unique(store.note[rows])
    if played.min() != NO_NOTE:
        notes = notes[np.isin(notes % N_CHROMA, played % N_CHROMA)]
    middle = (notes.min() + notes.max()) / 2.0
    nearest_last = sorted(notes.tolist(), key=lambda note: -abs(note - middle))
    return dict(sorted({note % N_CHROMA: note for note in nearest_last}.items()))


def _hear(run: TrainedRun, store: FrameStore, points: np.ndarray, notes: dict[int, int]) -> dict[int, float]:
    """Share of seeded mesh points heard in tune, by pitch class; in any octave where the model knows none."""
    chosen = points[np.random.default_rng(0).integers(len(points), size=N_HEARD)]
    asked = np.resize(np.array(list(notes.values())), N_HEARD)
    difference = heard_notes(decode_at(run, chosen, asked), store.spec) - asked
    if run.record.conditioning.kind == "chroma":
        difference = (difference + N_CHROMA / 2.0) % N_CHROMA - N_CHROMA / 2.0
    in_tune = np.abs(difference) <= IN_TUNE_CENTS / 100.0  # silence is NaN, and never in tune
    return {pitch_class: float(in_tune[asked == note].mean()) for pitch_class, note in notes.items()}
