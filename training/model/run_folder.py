"""The folder of a training run: what it holds, and the trained model that comes back out of it.

recipe.yaml      the recipe with every default filled in
run.json         corpus, conditioning, device, versions, times
metrics.csv      one row per epoch
checkpoint.npz   weights, optimizer and history after the last finished epoch
best.npz         weights of the epoch with the lowest validation error
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import yaml

from runtime.acoustics.spectrum import StftSpec
from runtime.base.checked_yaml import checked
from runtime.base.errors import UserError
from runtime.base.files import write_json, written_whole
from runtime.instrument.conditioning import Conditioning
from training.corpus.frames import FrameStore
from training.model.checkpoint import Checkpoint
from training.model.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from training.model.autoencoder import Autoencoder

RECIPE, RECORD, METRICS, LOCK = "recipe.yaml", "run.json", "metrics.csv", ".lock"
LAST, BEST = "checkpoint.npz", "best.npz"
WEIGHTS = {"last": LAST, "best": BEST}


class CorpusRecord(msgspec.Struct):
    """Which frames a run was trained on. folder: where they lay then."""

    folder: str
    fingerprint: str
    spec: StftSpec
    about: dict[str, Any]
    n_train_frames: int
    n_val_frames: int


class RunRecord(msgspec.Struct):
    """What a run says of itself beside its recipe. sessions: one entry per time it was started or gone on with."""

    name: str
    corpus: CorpusRecord
    conditioning: Conditioning
    sessions: list[dict[str, Any]]
    n_epochs: int = 0
    seconds: float = 0.0
    finished: bool = False


def describe_corpus(store: FrameStore) -> CorpusRecord:
    """The record of a frame store."""
    n_train, n_val = len(store.rows("train")), len(store.rows("val"))
    folder = str(store.folder.resolve())
    return CorpusRecord(folder, store.fingerprint(), store.spec, store.about, n_train, n_val)


def write_record(folder: Path, record: RunRecord) -> None:
    """Put run.json in its place."""
    write_json(folder / RECORD, msgspec.to_builtins(record))


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Put recipe.yaml in its place, every default filled in."""
    with written_whole(folder / RECIPE) as stream:
        yaml.safe_dump(msgspec.to_builtins(recipe), stream, sort_keys=False)


def write_metrics(folder: Path, history: list[dict[str, Any]]) -> None:
    """Put metrics.csv in its place: one row per epoch, errors as mean squares, times in seconds."""
    with written_whole(folder / METRICS) as stream:
        columns = list(history[0]) if history else []
        stream.write(",".join(columns) + "\n")
        for row in history:
            stream.write(",".join("" if row[name] is None else f"{row[name]:.8g}" for name in columns) + "\n")


def read_record(folder: Path) -> RunRecord:
    """run.json of a run folder; UserError if it is none."""
    path = folder / RECORD
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        found = "no run" if folder.is_dir() else "no such folder"
        raise UserError(folder, found, "a folder that `train` wrote", "train one with: timbrebox train") from None
    except ValueError as error:
        raise UserError(path, f"broken JSON ({error})", "what `train` wrote", "train again with --force") from None
    return checked(tree, RunRecord, path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for one training process; UserError if another one holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise UserError(folder, error.strerror or str(error), "a writable folder", "give another --out") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UserError(
            folder, "a training that is under way", "one at a time", "wait, or give another --out"
        ) from None
    finally:
        os.close(handle)


@dataclass(frozen=True)
class TrainedRun:
    """A run folder, opened: its recipe, its record and its model with the trained weights."""

    folder: Path
    recipe: Recipe
    record: RunRecord
    history: list[dict[str, Any]]
    autoencoder: Autoencoder
    weights: str

    @classmethod
    def open(cls, folder: str | Path, weights: str = "last") -> TrainedRun:
        """The run in `folder` with its `last` or `best` weights; UserError if it holds none. Imports Keras."""
        folder = Path(folder)
        record = read_record(folder)
        recipe = load_recipe(folder / RECIPE)
        checkpoint = Checkpoint.load(folder / WEIGHTS[weights], weights_only=True)

        from training.model.backend import prepare_keras

        prepare_keras(recipe.fit.seed)
        from training.model.autoencoder import build_autoencoder, set_variables

        autoencoder = build_autoencoder(
            recipe.model, record.corpus.spec, record.conditioning, recipe.fit.seed
        )
        try:
            set_variables(autoencoder.full.variables, checkpoint.weights)
        except ValueError as error:
            raise UserError(folder, f"weights that do not fit ({error})", "its recipe's", "train again") from None
        return cls(folder, recipe, record, checkpoint.history, autoencoder, weights)

    @property
    def encoder(self):
        """[magnitude, chroma where the recipe augments with it] -> latents; a functional Keras model."""
        return self.autoencoder.encoder

    @property
    def decoder(self):
        """latents_and_conditioning -> magnitude; a functional Keras model."""
        return self.autoencoder.decoder

    def open_store(self, folder: str | Path | None = None) -> FrameStore:
        """The corpus that the run was trained on, from `folder` or from where it lay then; UserError if it differs."""
        store = FrameStore.open(folder or self.record.corpus.folder)
        if store.fingerprint() != self.record.corpus.fingerprint:
            raise UserError(
                store.folder, "another corpus", f"the one that {self.folder} was trained on", "give it with --corpus"
            )
        return store

    def embed(self, inputs: list[np.ndarray]) -> np.ndarray:
        """Latents, float32 (n, n_latents), of the encoder's inputs."""
        return np.asarray(self.encoder.predict_on_batch(inputs), np.float32)

    def decode(self, latents_and_conditioning: np.ndarray) -> np.ndarray:
        """Magnitudes, float32 (n, n_bins), of the decoder's inputs."""
        return np.asarray(self.decoder.predict_on_batch(latents_and_conditioning), np.float32)
