"""What is kept of a finished run: its figures in a few small files, enough to draw the report without its weights.

evaluation.json   every figure, the recipe, the corpus and the environment
history.csv       error, validation error and seconds of every epoch
pictures.npz      embedding (a sample of it), mesh map and traversals, as bytes
traversals.ogg    each latent's travel as sound
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import write_json, written_whole
from training.corpus.frames import FrameStore
from training.hearing.spectral_distance import FLOOR_DB
from training.measure.evaluation import REPORT, SOUND, Evaluation
from training.measure.traversals import Traversals
from training.model.recipe import Recipe
from training.model.run_folder import TrainedRun

HISTORY, PICTURES = "history.csv", "pictures.npz"
N_POINTS = 3000
FULL = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}


@dataclass(frozen=True)
class KeptRun:
    """A kept run, read again. history: columns by name; pictures: the arrays of `keep`."""

    folder: Path
    report: dict[str, Any]
    history: dict[str, np.ndarray]
    pictures: dict[str, np.ndarray]

    @property
    def recipe(self) -> Recipe:
        """The recipe that it was trained by, epochs as asked then."""
        return msgspec.convert(self.report["recipe"], Recipe)

    @property
    def n_epochs(self) -> int:
        """Epochs trained."""
        return self.report["n_epochs"]

    @property
    def latents(self) -> np.ndarray:
        """A sample of the training frames' latents, (n, n_latents), as exact as 16 bits."""
        return _unpacked(self.pictures["latents"], self.pictures["latent_bounds"])

    @property
    def mesh_map(self) -> np.ndarray:
        """Share of hits by pitch class and place; as training.measure.mesh.Mesh.map gives it."""
        return _unpacked(self.pictures["mesh_map"], np.array([[0.0, 1.0]]))

    @property
    def traversals(self) -> Traversals:
        """The traversals, without their sound, which lies beside as a file."""
        strips = _unpacked(self.pictures["strips"], np.array([[FLOOR_DB, 0.0]]))
        travel, band_hz = self.pictures["travel"], self.pictures["band_hz"]
        return Traversals(travel, 0, strips, band_hz, self.report["pitch_changes"], np.zeros(0, np.float32), 0)


def describe_corpus(store: FrameStore) -> dict[str, Any]:
    """What a corpus is, wherever it was built: processors differ in the last bits of a frame, so no fingerprint."""
    about = {key: store.about.get(key) for key in ("kind", "name", "options", "licence")}
    return about | {f"n_{split}_frames": len(store.rows(split)) for split in ("train", "val", "test")}


def keep(folder: Path, evaluation: Evaluation, run: TrainedRun, store: FrameStore) -> None:
    """Write the small files of an evaluated run; evaluation.json last, as it vouches for the others."""
    (folder / REPORT).unlink(missing_ok=True)
    with written_whole(folder / HISTORY) as stream:
        stream.write("epoch,loss,val_loss,seconds\n")
        for row in run.history:
            val_loss = "" if row["val_loss"] is None else f"{row['val_loss']:.4e}"
            stream.write(f"{row['epoch']},{row['loss']:.4e},{val_loss},{row['seconds']:.3g}\n")
    with written_whole(folder / PICTURES, "wb") as stream:
        np.savez_compressed(stream, **_pictures(evaluation))
    with written_whole(folder / SOUND, "wb") as stream:
        stream.write(evaluation.traversals.encoded_sound())
    report = evaluation.report | {"corpus": describe_corpus(store), "corpus_fingerprint": store.fingerprint()}
    report["environment"] = {key: value for key, value in report["environment"].items() if key != "from_epoch"}
    write_json(folder / REPORT, _rounded(report))


def read_kept(folder: Path) -> KeptRun | None:
    """The kept run in a folder, or None if there is none; UserError if it is damaged."""
    path = folder / REPORT
    if not path.exists():
        return None
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        table = np.genfromtxt(folder / HISTORY, delimiter=",", names=True, ndmin=1)
        with np.load(folder / PICTURES, allow_pickle=False) as arrays:
            pictures = {name: arrays[name] for name in arrays.files}
        kept = KeptRun(folder, report, {name: table[name] for name in table.dtype.names}, pictures)
        _ = kept.recipe, kept.n_epochs, kept.latents, kept.traversals
    except (OSError, ValueError, KeyError, TypeError, EOFError, msgspec.ValidationError) as error:
        raise UserError(folder, f"damaged files ({error})", "what `reproduce` kept of a run", "remove it") from None
    return kept


def difference(kept: KeptRun, recipe: Recipe, store: FrameStore | None) -> str | None:
    """What sets a kept run apart from the one asked for, in a word; the number of epochs does not.

    store: the corpus asked for, where it is at hand.
    """
    same_length = msgspec.structs.replace(kept.recipe.fit, epochs=recipe.fit.epochs)
    if msgspec.structs.replace(kept.recipe, fit=same_length) != recipe:
        return "config"
    return "corpus" if store is not None and kept.report["corpus"] != _rounded(describe_corpus(store)) else None


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
    """Values (…, n) between bounds, (n, 2) or (1, 2), as whole numbers over the kind's whole range."""
    low, high = bounds.T
    share = (values - low) / np.where(high > low, high - low, 1.0)
    return np.rint(share.clip(0.0, 1.0) * FULL[np.dtype(kind)]).astype(kind)


def _unpacked(packed: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    low, high = bounds.T
    return (low + packed / FULL[packed.dtype] * (high - low)).astype(np.float32)


def _rounded(tree: Any) -> Any:
    """Plain values whose numbers have six digits: enough for every table, and half the size."""
    if isinstance(tree, dict):
        return {str(key): _rounded(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_rounded(value) for value in tree]
    return float(f"{tree:.6g}") if isinstance(tree, float) else tree
