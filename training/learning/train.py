"""Trains a recipe on a corpus, and saves each epoch before the next begins."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import remove_leftovers
from runtime.base.progress import Progress, clock
from training.corpus.frames import FrameStore, refuse_bad_frames
from training.model import run_folder
from training.model.batches import Batch, FrameBatches
from training.model.checkpoint import Checkpoint
from training.model.recipe import Recipe, load_recipe, resolve_conditioning
from training.model.run_folder import BEST, LAST, RunRecord

Show = Callable[[float], None]  # called with the share of the work that is done, 0 to 1


def train(
    recipe: Recipe,
    store: FrameStore,
    folder: Path,
    force: bool = False,
    on_epoch: Callable[[RunRecord], None] | None = None,
) -> RunRecord:
    """Train a recipe and return the run's record; if `folder` holds the same run, continue it.

    store: the corpus.
    folder: the run folder.
    force: whether a run of another recipe or corpus is replaced.
    on_epoch: called with the record after every saved epoch; None to print the progress.
    UserError if:
    - a frame is silent or not finite;
    - the folder holds a run of another recipe or corpus, and `force` is False;
    - the folder holds other things, or another process trains in it;
    - the error of an epoch is not finite.
    """
    conditioning = resolve_conditioning(recipe, store)
    with run_folder.locked(folder):
        record = RunRecord(folder.resolve().name, run_folder.describe_corpus(store), conditioning, [])
        record = _claim(folder, recipe, record, force)
        if record.n_epochs >= recipe.fit.epochs:
            if on_epoch is None:
                print(f"{folder}: already trained for {record.n_epochs} epochs")
            return record
        refuse_bad_frames(store)
        return _Training(recipe, FrameBatches(store, recipe, conditioning), folder, record, on_epoch).run()


def _claim(folder: Path, recipe: Recipe, record: RunRecord, force: bool) -> RunRecord:
    """Return the folder's record if the folder holds the same run; otherwise remove any old run and return `record`.

    UserError if the folder holds another run and `force` is False, or if the folder holds things that are no run.
    """
    remove_leftovers(folder)
    if (folder / run_folder.RECORD).exists():
        difference = _difference(folder, recipe, record)
        if difference is None:
            return run_folder.read_record(folder)
        if not force:
            raise UserError(folder, f"a run of another {difference}", "the same one", "give another --out, or --force")
    elif any(path.name != run_folder.LOCK for path in folder.iterdir()) and not (folder / run_folder.RECIPE).exists():
        raise UserError(folder, "a folder of other things", "a new or empty one", "give another --out")
    for name in (run_folder.RECORD, run_folder.RECIPE, run_folder.METRICS, LAST, BEST):
        (folder / name).unlink(missing_ok=True)
    return record


def _difference(folder: Path, recipe: Recipe, record: RunRecord) -> str | None:
    """What differs from the folder's run, worded to follow "a run of another" in a message; None if nothing differs.

    A different number of epochs does not count.
    """
    try:
        old_recipe, old_record = load_recipe(folder / run_folder.RECIPE), run_folder.read_record(folder)
    except UserError:
        return "kind, or a damaged one"
    if old_recipe.with_epochs(recipe.fit.epochs) != recipe:
        return "config"
    return None if old_record.corpus.fingerprint == record.corpus.fingerprint else "corpus"


class _Training:
    def __init__(
        self,
        recipe: Recipe,
        batches: FrameBatches,
        folder: Path,
        record: RunRecord,
        on_epoch: Callable[[RunRecord], None] | None,
    ):
        from training.model.backend import device_name, environment, prepare_keras

        prepare_keras(recipe.fit.seed)
        self.on_epoch = on_epoch
        self._say(f"training on: {device_name()}")
        from training.learning.learner import build_learner

        self.recipe, self.batches, self.folder, self.record = recipe, batches, folder, record
        learner = build_learner(batches)
        self.model, self.optimizer = learner.autoencoder.full, learner.optimizer
        self.steps, self.resident = learner.steps, learner.resident
        self.history: list[dict[str, Any]] = []
        self._resume()
        self._n_epochs_before = len(self.history)
        n_epochs_left = recipe.fit.epochs - self._n_epochs_before
        self._progress = Progress("training", n_epochs_left, sys.stdout) if on_epoch is None else None
        self.record.sessions.append({"from_epoch": len(self.history) + 1, **environment()})

    def run(self) -> RunRecord:
        """Train the epochs that are left; returns the run's record."""
        n_epochs, validation = self.recipe.fit.epochs, self.batches.store.rows("val")
        self._announce()
        run_folder.write_recipe(self.folder, self.recipe)
        run_folder.write_record(self.folder, self.record)
        try:
            with self._progress or nullcontext():
                for epoch in range(len(self.history) + 1, n_epochs + 1):
                    self._train_epoch(epoch, validation)
        except KeyboardInterrupt:
            print(f"stopped in epoch {len(self.history) + 1}; the same command goes on from there")
            raise
        self._say(f"{self.folder}: trained {n_epochs} epochs in {clock(self.record.seconds)}")
        return self.record

    def _say(self, text: str) -> None:
        if self.on_epoch is None:
            print(text, flush=True)

    def _announce(self) -> None:
        corpus = self.record.corpus
        self._say(f"corpus: {corpus.n_train_frames} training and {corpus.n_val_frames} validation frames")
        if not corpus.n_val_frames:
            self._say("no validation frames: there will be no validation error and no best epoch")
        if self.history:
            self._say(f"going on after epoch {len(self.history)}")

    def _train_epoch(self, epoch: int, validation: np.ndarray) -> None:
        from training.model.variational import set_beta

        started_s = time.monotonic()
        if self.recipe.fit.beta:
            set_beta(self.model, self.recipe.fit.beta.at(epoch))
        rows = self.batches.epoch(epoch)
        self.optimizer.learning_rate = self.recipe.fit.learning_rate_at(epoch)
        n_rows, n_all = len(rows), len(rows) + len(validation)

        def show(share: float) -> None:
            self._show(share * n_rows / n_all, f"epoch {epoch}")

        def show_validation(share: float) -> None:
            self._show((n_rows + share * len(validation)) / n_all, f"epoch {epoch}, validation")

        if self.resident:
            error = self.resident.train(rows, show)
        else:
            error = self._run_batches(self.steps.train, self.batches.batches(rows, epoch), n_rows, show)
        train_s = time.monotonic() - started_s
        batches = self.batches.batches(validation)
        val_error = self._run_batches(self.steps.test, batches, len(validation), show_validation)
        if not np.isfinite(error):
            raise self._diverged(epoch)
        row = {"epoch": epoch, "loss": error, "val_loss": val_error, "seconds": time.monotonic() - started_s}
        self.history.append(row | {"frames_per_s": len(rows) / train_s})
        self._save()
        if self.on_epoch is None:
            self._report()
        else:
            self.on_epoch(self.record)

    def _run_batches(self, step: Any, batches: Iterator[Batch], n_rows: int, show: Show) -> float | None:
        """Call `step` for each batch; returns the mean error of the rows, None if n_rows is 0.

        The errors are read only at the end, because reading an error waits until the step that computes it is done.
        """
        if not n_rows:
            return None
        errors, sizes = [], []
        for batch in batches:
            errors.append(step(batch))
            sizes.append(batch[-1].sum())
            show(sum(sizes) / n_rows)
        return float(np.average([float(error) for error in errors], weights=sizes))

    def _show(self, share: float, detail: str) -> None:
        if self._progress is not None:
            self._progress.update(len(self.history) - self._n_epochs_before + share, detail)

    def _report(self) -> None:
        row, n_epochs = self.history[-1], self.recipe.fit.epochs
        left_s = (n_epochs - row["epoch"]) * float(np.mean([past["seconds"] for past in self.history[-5:]]))
        val_loss = "" if row["val_loss"] is None else f", validation {row['val_loss']:.3e}"
        self._progress.say(
            f"epoch {row['epoch']}/{n_epochs}: error {row['loss']:.3e}{val_loss}, {row['seconds']:.1f} s, "
            f"{row['frames_per_s']:.0f} frames/s, {clock(left_s)} left"
        )

    def _save(self) -> None:
        from training.model.autoencoder import get_variables

        self.steps.write_back()
        weights = get_variables(self.model.variables)
        val_losses = [row["val_loss"] for row in self.history]
        if val_losses[-1] is not None and val_losses[-1] <= min(val_losses):
            Checkpoint(weights, history=self.history).save(self.folder / BEST)
        Checkpoint(weights, get_variables(self.optimizer.variables), self.history).save(self.folder / LAST)
        run_folder.write_metrics(self.folder, self.history)
        self._update_record()
        run_folder.write_record(self.folder, self.record)

    def _resume(self) -> None:
        from training.model.autoencoder import set_variables

        if (self.folder / LAST).exists():
            checkpoint = Checkpoint.load(self.folder / LAST)
            set_variables(self.model.variables, checkpoint.weights)
            set_variables(self.optimizer.variables, checkpoint.moments)
            self.history = checkpoint.history
            run_folder.write_metrics(self.folder, self.history)
        self._update_record()

    def _update_record(self) -> None:
        self.record.n_epochs = len(self.history)
        self.record.seconds = float(sum(row["seconds"] for row in self.history))
        self.record.finished = len(self.history) >= self.recipe.fit.epochs

    def _diverged(self, epoch: int) -> UserError:
        return UserError(
            f"epoch {epoch}", "an error that is not finite", "a finite one", "lower learning_rate in the recipe"
        )
