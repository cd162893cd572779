"""Keeps a few small files of each finished run, from which the report can be written without the run itself.

evaluation.json   all measured numbers, the recipe, the corpus and the environment
history.csv       error, validation error and seconds of every epoch
pictures.npz      a sample of the embedding, the mesh map and the traversals, as 8- and 16-bit numbers
traversals.ogg    the travel of each latent as sound
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runtime.base.files import atomic_write, write_json
from training.corpus.arrays import read_arrays
from training.corpus.csv_table import write_csv
from training.corpus.frames import FrameStore
from training.hearing.spectral_distance import FLOOR_DB
from training.measure.evaluation import REPORT, SOUND, Evaluation, measure_further
from training.measure.traversals import Traversals
from training.model.recipe import Recipe
from training.model.run_folder import TrainedRun

HISTORY, PICTURES = "history.csv", "pictures.npz"
KEPT_RUNS = "runs"  # a folder in the report's folder; it holds a folder for each kept run
N_POINTS = 3000  # number of training frames whose latents are kept
FULL = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}  # the largest value of each integer type


@dataclass(frozen=True)
class KeptRun:
    """The kept files of one run.

    report: the content of evaluation.json.
    history: the columns of history.csv by name.
    pictures: the arrays of pictures.npz by name, as `_pictures` has packed them.
    """

    folder: Path
    report: dict[str, Any]
    history: dict[str, np.ndarray]
    pictures: dict[str, np.ndarray]

    @property
    def recipe(self) -> Recipe:
        """The recipe that the run was trained with."""
        return msgspec.convert(self.report["recipe"], Recipe)

    @property
    def n_epochs(self) -> int:
        """Number of epochs trained."""
        return self.report["n_epochs"]

    @property
    def latents(self) -> np.ndarray:
        """A sample of the training frames' latents, float32 (n, n_latents); they were stored with 16 bits."""
        return _unpacked(self.pictures["latents"], self.pictures["latent_bounds"])

    @property
    def mesh_map(self) -> np.ndarray:
        """The mesh's map, as `Mesh.map` returns it; it was stored with 8 bits. KeyError for a run without a mesh."""
        return _unpacked(self.pictures["mesh_map"], np.array([[0.0, 1.0]]))

    @property
    def traversals(self) -> Traversals:
        """The traversals, but `sound` is empty (it is in traversals.ogg), and `note` and `sample_rate_hz` are 0."""
        strips = _unpacked(self.pictures["strips"], np.array([[FLOOR_DB, 0.0]]))
        travel, band_hz = self.pictures["travel"], self.pictures["band_hz"]
        return Traversals(travel, 0, strips, band_hz, self.report["pitch_changes"], np.zeros(0, np.float32), 0)


def corpus_facts(store: FrameStore) -> dict[str, Any]:
    """Facts that distinguish corpora, and are the same on every machine.

    The frames' fingerprint is left out, because different processors compute slightly different frames.
    """
    about = {key: store.about.get(key) for key in ("kind", "name", "options", "licence")}
    return about | {f"n_{split}_frames": len(store.rows(split)) for split in ("train", "val", "test")}


def keep(
    folder: Path, evaluation: Evaluation, run: TrainedRun, store: FrameStore, further: FrameStore | None = None
) -> None:
    """Write the small files of an evaluated run; evaluation.json is written last, when the others are complete.

    further: frames of more test sounds; the run's errors on them are also kept. None for no more sounds.
    """
    (folder / REPORT).unlink(missing_ok=True)
    write_csv(folder / HISTORY, [_history_row(row) for row in run.history])
    with atomic_write(folder / PICTURES, "wb") as stream:
        np.savez_compressed(stream, **_pictures(evaluation))
    with atomic_write(folder / SOUND, "wb") as stream:
        stream.write(evaluation.traversals.encoded_sound())
    report = evaluation.report | {"corpus": corpus_facts(store), "corpus_fingerprint": store.fingerprint()}
    if further is not None:
        report["further"] = measure_further(run, further) | {"corpus": corpus_facts(further)}
    report["environment"] = {key: value for key, value in report["environment"].items() if key != "from_epoch"}
    write_json(folder / REPORT, _rounded(report))


def read_kept(folder: Path) -> KeptRun | None:
    """The kept run in a folder; None if there is none, UserError if it is damaged."""
    path = folder / REPORT
    if not path.exists():
        return None
    with read_arrays(folder / PICTURES, "the files that `reproduce` kept of a run", "remove it", folder) as pictures:
        report = json.loads(path.read_text(encoding="utf-8"))
        table = np.genfromtxt(folder / HISTORY, delimiter=",", names=True, ndmin=1)
        kept = KeptRun(folder, report, {name: table[name] for name in table.dtype.names}, dict(pictures))
        _ = kept.recipe, kept.n_epochs, kept.latents, kept.traversals
    return kept


def difference(kept: KeptRun, recipe: Recipe, store: FrameStore | None) -> str | None:
    """The first difference between a kept run and the requested run: "config", "corpus", or None if they are alike.

    Runs that differ only in the number of epochs are alike.
    store: the requested corpus; None to compare only the recipes.
    """
    if kept.recipe.with_epochs(recipe.fit.epochs) != recipe:
        return "config"
    if store is None or _completed(kept.report["corpus"]) == _completed(_rounded(corpus_facts(store))):
        return None
    return "corpus"


def _completed(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a corpus. The option `transpose`, which older kept runs lack, is 0 if it is missing."""
    return facts | {"options": {"transpose": 0} | (facts["options"] or {})}


def _history_row(row: dict[str, Any]) -> dict[str, Any]:
    val_loss = None if row["val_loss"] is None else f"{row['val_loss']:.4e}"
    return {
        "epoch": row["epoch"],
        "loss": f"{row['loss']:.4e}",
        "val_loss": val_loss,
        "seconds": f"{row['seconds']:.3g}",
    }


def _pictures(evaluation: Evaluation) -> dict[str, np.ndarray]:
    chosen = np.sort(np.random.default_rng(0).permutation(len(evaluation.latents))[:N_POINTS])
    latents, traversals = evaluation.latents[chosen], evaluation.traversals
    bounds = np.stack([latents.min(axis=0), latents.max(axis=0)], axis=1).astype(np.float64)
    pictures = {
        "latents": _packed(latents, bounds, np.uint16),
        "latent_bounds": bounds,
        "pitch_classes": evaluation.pitch_classes[chosen].astype(np.uint8),
        "strips": _packed(traversals.strips_db, np.array([[FLOOR_DB, 0.0]]), np.uint8),
        "travel": traversals.travel,
        "band_hz": traversals.band_hz,
    }
    if evaluation.mesh:
        pictures["mesh_map"] = _packed(evaluation.mesh.map(), np.array([[0.0, 1.0]]), np.uint8)
        pictures["mesh_bounds"] = evaluation.mesh.bounds
        pictures["mesh_classes"] = np.array(list(evaluation.mesh.notes), np.uint8)
    return pictures


def _packed(values: np.ndarray, bounds: np.ndarray, kind: type) -> np.ndarray:
    """Scale values (..., n), and round them to unsigned integers.

    The low bound becomes 0, and the high bound becomes the type's largest integer.

    bounds: low and high bound of each column, (n, 2), or of all columns together, (1, 2).
    kind: np.uint8 or np.uint16.
    """
    low, high = bounds.T
    share = (values - low) / np.where(high > low, high - low, 1.0)
    return np.rint(share.clip(0.0, 1.0) * FULL[np.dtype(kind)]).astype(kind)


def _unpacked(packed: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    low, high = bounds.T
    return (low + packed / FULL[packed.dtype] * (high - low)).astype(np.float32)


def _rounded(tree: Any) -> Any:
    """Plain values with all floats rounded to six significant digits, which halves the file's size."""
    if isinstance(tree, dict):
        return {str(key): _rounded(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_rounded(value) for value in tree]
    return float(f"{tree:.6g}") if isinstance(tree, float) else tree
