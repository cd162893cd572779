"""Decodes a mesh of points in the latent space, and counts the right pitch classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.acoustics.heard_pitch import IN_TUNE_CENTS, cents_off, split_octaves
from runtime.acoustics.pitch import N_CHROMA, PITCH_CLASSES, detect_chroma
from runtime.base.progress import Progress
from training.corpus.frames import NO_NOTE, FrameStore
from training.instrument.embedding import N_ROWS_AT_ONCE, decode_at
from training.model.recipe import label_notes
from training.model.run_folder import TrainedRun

# For each number of latents, how many points an axis has in the paper. Source: Figures 4-5 and Table V.
PAPER_MESH = {2: 350, 3: 50, 8: 5}
LARGEST_MESH = 40_000  # the most points of a mesh whose number of latents is not in PAPER_MESH
# The pitch detector judges this many random points of the mesh in total. The pitch classes share them: each point is
# decoded at one pitch class.
N_HEARD = 2000
BORDER_SHARE = 0.1  # the border is this share of an axis, at each of its two ends


@dataclass(frozen=True)
class Mesh:
    """A mesh of points in the latent space; every pitch class in `notes` was asked for at each point.

    bounds: the mesh's lowest and highest value of each latent, (n_latents, 2).
    notes: for each pitch class, the note asked for.
    hits: whether the strongest pitch class of the decoded frame is the class asked for. The first axis is for `notes`,
        and each further axis is for a latent: bool (len(notes), n_per_axis, ...).
    heard: for each pitch class, the share of random points at which its note is heard in tune.
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
        """Whether each point is in the first or last tenth of any axis: bool (n_per_axis, ...)."""
        near = np.abs(np.linspace(-1.0, 1.0, self.n_per_axis)) >= 1.0 - 2.0 * BORDER_SHARE
        grids = np.meshgrid(*[near] * (self.hits.ndim - 1), indexing="ij", sparse=True)
        return np.logical_or.reduce(np.broadcast_arrays(*grids))

    def map(self) -> np.ndarray:
        """For each note, the share of hits, 0 to 1, at each pair of values of the first two latents.

        Returns float32 (len(notes), n_per_axis, n_per_axis). With more than two latents, a share is the mean over the
        other latents. With one or two latents, a share is 0 or 1. With one latent, the last axis has length 1.
        """
        hits = self.hits if self.hits.ndim > 2 else self.hits[:, :, None]
        return hits.mean(axis=tuple(range(3, hits.ndim)), dtype=np.float32)

    def summary(self) -> dict[str, Any]:
        """Numbers that describe the mesh, as plain values. The shares of hits correspond to the paper's Table V."""
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
    """Decode every pitch class of the training set at every point of a mesh of latents.

    Returns None if the model has no conditioning, since it then cannot be asked for a pitch class.

    latents: those of the training frames, (n, n_latents).
    n_per_axis: points along each latent; None for the result of `points_per_axis`.
    on_share: called with the share of the work that is done, 0 to 1; None to print a progress line.
    Source: the paper's Table V.
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
        for start in range(0, len(points), N_ROWS_AT_ONCE):
            chunk = points[start : start + N_ROWS_AT_ONCE]
            decoded = decode_at(run, chunk, np.full(len(chunk), note))
            right = detect_chroma(decoded, store.spec.bin_hz) == pitch_class
            # The class detected in silence is C, but silence is no hit.
            hits[index, start : start + len(chunk)] = right & decoded.any(axis=1)
            show((index + (start + len(chunk)) / len(points)) / len(notes))
    if progress:
        progress.close()
    shape = (len(notes), *[n_per_axis] * n_latents)
    return Mesh(bounds, notes, hits.reshape(shape), _hear(run, store, points, notes))


def points_per_axis(n_latents: int) -> int:
    """Points along each latent: as in PAPER_MESH, or else as many as LARGEST_MESH allows, but at least 2."""
    return PAPER_MESH.get(n_latents) or max(int(LARGEST_MESH ** (1.0 / n_latents)), 2)


def mesh_bounds(run: TrainedRun, latents: np.ndarray) -> np.ndarray:
    """A mesh's lowest and highest value of each latent, (n_latents, 2).

    They are 0 and 1 if the bottleneck is a sigmoid, otherwise the lowest and highest value in `latents`.

    latents: those of the training frames, (n, n_latents).
    """
    if run.recipe.model.bottleneck == "sigmoid":
        return np.repeat([[0.0, 1.0]], latents.shape[1], axis=0)
    return np.stack([latents.min(axis=0), latents.max(axis=0)], axis=1).astype(float)


def asked_notes(run: TrainedRun, store: FrameStore) -> dict[int, int]:
    """For each pitch class of the training labels, the note that the decoder is asked for.

    If the labels are known notes, it is the note of this pitch class that is nearest to the middle between the lowest
    and the highest note. If the labels are detected pitch classes, it is the pitch class itself, 0 to 11.
    Detected labels can contain pitch classes that nobody played. If the played note of every frame is known as well,
    these pitch classes are left out.
    """
    rows = store.rows("train")
    notes, played = np.unique(label_notes(run.recipe, store, rows)), np.unique(store.note[rows])
    if played.min() != NO_NOTE:
        notes = notes[np.isin(notes % N_CHROMA, played % N_CHROMA)]
    middle = (notes.min() + notes.max()) / 2.0
    nearest_last = sorted(notes.tolist(), key=lambda note: -abs(note - middle))
    return dict(sorted({note % N_CHROMA: note for note in nearest_last}.items()))


def _hear(run: TrainedRun, store: FrameStore, points: np.ndarray, notes: dict[int, int]) -> dict[int, float]:
    """For each pitch class, the share of random mesh points at which its note is heard in tune.

    With conditioning `chroma`, the note may be heard in any octave.

    points: all points of the mesh, (n, n_latents).
    notes: for each pitch class, the note asked for.
    """
    chosen = points[np.random.default_rng(0).integers(len(points), size=N_HEARD)]
    asked = np.resize(np.array(list(notes.values())), N_HEARD)
    cents = cents_off(decode_at(run, chosen, asked), asked, store.spec)
    if run.record.conditioning.kind == "chroma":
        cents = split_octaves(cents)[1]
    in_tune = np.abs(cents) <= IN_TUNE_CENTS  # silence is NaN, which is never in tune
    return {pitch_class: float(in_tune[asked == note].mean()) for pitch_class, note in notes.items()}
