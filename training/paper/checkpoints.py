"""Keeps small checkpoints, from which any machine can continue a run. A full checkpoint is six times as large.

Kernels are rounded to 16 bits. Their first Adam moments are not kept, and start again at 0. Of their second moments,
only the means of the rows and of the columns are kept (Shazeer and Stern 2018, section 3). Everything else is exact.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np

from runtime.base.files import atomic_write
from training.corpus.arrays import read_arrays
from training.corpus.frames import FrameStore
from training.model import run_folder
from training.model.checkpoint import Checkpoint
from training.model.recipe import Recipe, resolve_conditioning
from training.model.run_folder import LAST, RunRecord
from training.paper.kept import corpus_facts

# The names of the arrays in a small checkpoint consist of these words and of numbers.
ABOUT, WEIGHT, MOMENT, ROWS, COLUMNS, ZEROS = "about", "weight", "moment", "rows", "columns", "zeros"


def keep_checkpoint(path: Path, folder: Path, recipe: Recipe, store: FrameStore) -> None:
    """Write a small checkpoint to the file `path`: the state after the last finished epoch of the run in `folder`."""
    checkpoint = Checkpoint.load(folder / LAST)
    about = {
        "recipe": msgspec.to_builtins(recipe),
        "corpus": corpus_facts(store),
        "history": checkpoint.history,
        "sessions": run_folder.read_record(folder).sessions,
    }
    arrays = {ABOUT: np.array(json.dumps(about))}
    for index, value in enumerate(checkpoint.weights):
        arrays[f"{WEIGHT}{index:03d}"] = value.astype(np.float16) if value.ndim == 2 else value
    for index, value in enumerate(checkpoint.moments):
        arrays |= _packed_moment(f"{MOMENT}{index:03d}", value)
    with atomic_write(path, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def restore_checkpoint(path: Path, folder: Path, recipe: Recipe, store: FrameStore) -> bool:
    """Make a run folder from a small checkpoint; returns whether it was made.

    No folder is made if the checkpoint is missing, if it was made with another recipe or corpus, or if the folder
    already holds a run. A recipe that differs only in its number of epochs does not count as another recipe.

    UserError if the checkpoint is damaged.
    """
    if not path.exists() or (folder / run_folder.RECORD).exists():
        return False
    with read_arrays(path, "a checkpoint that `reproduce` kept", "remove it") as arrays:
        about = json.loads(str(arrays[ABOUT]))
        weights, moments = _unpack(dict(arrays), WEIGHT), _unpack(dict(arrays), MOMENT)
        kept_recipe = msgspec.convert(about["recipe"], Recipe)
        history, sessions, corpus = about["history"], about["sessions"], about["corpus"]
    same_corpus = corpus == json.loads(json.dumps(corpus_facts(store)))
    if kept_recipe.with_epochs(recipe.fit.epochs) != recipe or not same_corpus:
        return False
    conditioning = resolve_conditioning(recipe, store)
    sessions.append({"from_epoch": len(history) + 1, "rounded": "went on from a checkpoint of 16 bits"})
    record = RunRecord(folder.name, run_folder.describe_corpus(store), conditioning, sessions)
    Checkpoint(weights, moments, history).save(folder / LAST)
    run_folder.write_recipe(folder, recipe)
    run_folder.write_record(folder, record)
    return True


def _packed_moment(name: str, value: np.ndarray) -> dict[str, np.ndarray]:
    if value.ndim != 2:
        return {name: value}
    if value.min() < 0.0:  # a first moment: second moments are means of squares, never negative
        return {f"{name}{ZEROS}": np.array(value.shape)}
    return {f"{name}{ROWS}": value.mean(axis=1), f"{name}{COLUMNS}": value.mean(axis=0)}


def _unpack(arrays: dict[str, np.ndarray], kind: str) -> list[np.ndarray]:
    values = []
    for name in sorted({name[: len(kind) + 3] for name in arrays if name.startswith(kind)}):
        if f"{name}{ZEROS}" in arrays:
            values.append(np.zeros(arrays[f"{name}{ZEROS}"], np.float32))
        elif f"{name}{ROWS}" in arrays:
            rows, columns = arrays[f"{name}{ROWS}"], arrays[f"{name}{COLUMNS}"]
            values.append(np.outer(rows, columns) / max(float(rows.mean()), np.finfo(np.float32).tiny))
        else:
            value = arrays[name]
            values.append(value.astype(np.float32) if value.dtype == np.float16 else value)
    return values
