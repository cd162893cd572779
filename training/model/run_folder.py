"""The folder of a training run: its files, and the trained model read from them.

recipe.yaml      the recipe with every default filled in
run.json         corpus, conditioning, device, versions, times
metrics.csv      one row per epoch
checkpoint.npz   weights, optimizer and history of the last finished epoch
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
from runtime.base.files import atomic_write, write_json
from runtime.instrument.conditioning import Conditioning
from training.corpus.csv_table import write_csv
from training.corpus.frames import FrameStore
from training.model.checkpoint import Checkpoint
from training.model.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from training.model.autoencoder import Autoencoder

RUNS = Path("runs")  # where the commands keep the run folders
RECIPE, RECORD, METRICS, LOCK = "recipe.yaml", "run.json", "metrics.csv", ".lock"
LAST, BEST = "checkpoint.npz", "best.npz"
WEIGHTS = {"last": LAST, "best": BEST}


class CorpusRecord(msgspec.Struct):
    """A run's corpus.

    folder: the corpus's path when the run began.
    fingerprint: from `FrameStore.fingerprint`.
    """

    folder: str
    fingerprint: str
    spec: StftSpec
    about: dict[str, Any]
    n_train_frames: int
    n_val_frames: int


class RunRecord(msgspec.Struct):
    """What is known of a run besides its recipe.

    sessions: an entry for the run's start and for each continuation.
    """

    name: str
    corpus: CorpusRecord
    conditioning: Conditioning
    sessions: list[dict[str, Any]]
    n_epochs: int = 0
    seconds: float = 0.0
    finished: bool = False


def describe_corpus(store: FrameStore) -> CorpusRecord:
    """The CorpusRecord of a frame store."""
    n_train, n_val = len(store.rows("train")), len(store.rows("val"))
    folder = str(store.folder.resolve())
    return CorpusRecord(folder, store.fingerprint(), store.spec, store.about, n_train, n_val)


def write_record(folder: Path, record: RunRecord) -> None:
    """Write run.json, whole or not at all."""
    write_json(folder / RECORD, msgspec.to_builtins(record))


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Write recipe.yaml, with every default filled in. An interruption leaves no half-written file."""
    with atomic_write(folder / RECIPE) as stream:
        yaml.safe_dump(msgspec.to_builtins(recipe), stream, sort_keys=False)


def write_metrics(folder: Path, history: list[dict[str, Any]]) -> None:
    """Write metrics.csv, whole or not at all. Its errors are mean squares; its times are in seconds."""
    rows = [{name: None if value is None else f"{value:.8g}" for name, value in row.items()} for row in history]
    write_csv(folder / METRICS, rows)


def read_record(folder: Path) -> RunRecord:
    """Read run.json; UserError if it is missing or broken."""
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
    """Make a run folder if missing, and lock it; UserError if another process holds the lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise UserError(folder, error.strerror or str(error), "a writable folder", "give another --out") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UserError(folder, "a training in progress", "one at a time", "wait, or give another --out") from None
    finally:
        os.close(handle)


@dataclass(frozen=True)
class TrainedRun:
    """A trained run, read from its folder.

    history: one row per epoch.
    weights: which epoch's weights the model has, `last` or `best`.
    """

    folder: Path
    recipe: Recipe
    record: RunRecord
    history: list[dict[str, Any]]
    autoencoder: Autoencoder
    weights: str

    @classmethod
    def open(cls, folder: str | Path, weights: str = "last") -> TrainedRun:
        """Read a run with its `last` or `best` weights; imports Keras. UserError if the run is missing or broken."""
        folder = Path(folder)
        record = read_record(folder)
        recipe = load_recipe(folder / RECIPE)
        checkpoint = Checkpoint.load(folder / WEIGHTS[weights], weights_only=True)

        from training.model.backend import prepare_keras

        prepare_keras(recipe.fit.seed)
        from training.model.autoencoder import build_autoencoder, set_variables

        autoencoder = build_autoencoder(recipe.model, record.corpus.spec, record.conditioning, recipe.fit.seed)
        try:
            set_variables(autoencoder.full.variables, checkpoint.weights)
        except ValueError as error:
            found = f"weights that do not fit ({error})"
            raise UserError(folder, found, "weights of its recipe", "train again") from None
        return cls(folder, recipe, record, checkpoint.history, autoencoder, weights)

    @property
    def encoder(self):
        """The autoencoder's encoder, a Keras model."""
        return self.autoencoder.encoder

    @property
    def decoder(self):
        """The autoencoder's decoder, a Keras model."""
        return self.autoencoder.decoder

    def open_store(self, folder: str | Path | None = None) -> FrameStore:
        """Open the run's corpus in `folder`, or else in the recorded folder; UserError if another corpus is there."""
        store = FrameStore.open(folder or self.record.corpus.folder)
        if store.fingerprint() != self.record.corpus.fingerprint:
            raise UserError(
                store.folder, "another corpus", f"the one that {self.folder} was trained on", "give it with --corpus"
            )
        return store

    def embed(self, inputs: list[np.ndarray]) -> np.ndarray:
        """The latents that the encoder makes of inputs from `FrameBatches.encoder_inputs`: float32 (n, n_latents)."""
        return np.asarray(self.encoder.predict_on_batch(inputs), np.float32)

    def decode(self, latents_and_conditioning: np.ndarray) -> np.ndarray:
        """The magnitudes that the decoder makes of its inputs: float32 (n, n_bins).

        latents_and_conditioning: the inputs, (n, n_latents + conditioning_size).
        """
        return np.asarray(self.decoder.predict_on_batch(latents_and_conditioning), np.float32)
