"""A long run's state in a file small enough to keep: a sixth of a checkpoint's size, and a run goes on from it.

Kernels are rounded to 16 bits. Of Adam's moments a kernel's first starts anew, and its second is kept as one number
per row and per column, whose products stand for it: Shazeer and Stern 2018, section 3. All else is kept as it is.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import msgspec
import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import written_whole
from training.corpus.frames import FrameStore
from training.model import run_folder
from training.model.checkpoint import Checkpoint
from training.model.recipe import Recipe, resolve_conditioning
from training.model.run_folder import LAST, RunRecord
from training.paper.kept import describe_corpus

ABOUT, WEIGHT, MOMENT, ROWS, COLUMNS, ZEROS = "about", "weight", "moment", "rows", "columns", "zeros"


def keep_checkpoint(path: Path, folder: Path, recipe: Recipe, store: FrameStore) -> None:
    """Write the small checkpoint of a run folder's last finished epoch."""
    checkpoint = Checkpoint.load(folder / LAST)
    about = {
        "recipe": msgspec.to_builtins(recipe),
        "corpus": describe_corpus(store),
        "history": checkpoint.history,
        "sessions": run_folder.read_record(folder).sessions,
    }
    arrays = {ABOUT: np.array(json.dumps(about))}
    for index, value in enumerate(checkpoint.weights):
        arrays[f"{WEIGHT}{index:03d}"] = value.astype(np.float16) if value.ndim == 2 else value
    for index, value in enumerate(checkpoint.moments):
        arrays |= _packed_moment(f"{MOMENT}{index:03d}", value)
    with written_whole(path, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def restore_checkpoint(path: Path, folder: Path, recipe: Recipe, store: FrameStore) -> bool:
    """Make a run folder to go on with from a small checkpoint; False if there is none of the same run.

    A folder that already holds a run is left alone. The new run's record says that its numbers were rounded.
    """
    if not path.exists() or (folder / run_folder.RECORD).exists():
        return False
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays[ABOUT]))
            weights, moments = _unpack(dict(arrays), WEIGHT), _unpack(dict(arrays), MOMENT)
            kept_recipe = msgspec.convert(about["recipe"], Recipe)
            history, sessions, corpus = about["history"], about["sessions"], about["corpus"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(path, f"a damaged file ({error})", "a checkpoint that `reproduce` kept", "remove it") from None
    same_length = msgspec.structs.replace(kept_recipe.fit, epochs=recipe.fit.epochs)
    same = msgspec.structs.replace(kept_recipe, fit=same_length) == recipe
    if not same or corpus != json.loads(json.dumps(describe_corpus(store))):
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
    if value.min() < 0.0:  # a first moment: the second has squares only
        return {f"{name}{ZEROS}": np.array(value.shape)}
    return {f"{name}{ROWS}": value.mean(axis=1), f"{name}{COLUMNS}": value.mean(axis=0)}


def _unpack(arrays: dict[str, np.ndarray], kind: str) -> list[np.ndarray]:
    """The weights or moments among the arrays of a file, in their order."""
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
