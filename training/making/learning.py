"""Builds the corpus for a decision, and trains on it while time is left and the error falls."""

from __future__ import annotations

import hashlib
import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from runtime.base.files import write_json
from runtime.base.progress import Progress, clock
from training.corpus.csv_table import read_table
from training.corpus.frames import INDEX, FrameStore
from training.corpus.recordings import Recording, build
from training.learning.train import train
from training.making.fates import Decision
from training.making.splits import with_splits
from training.model.recipe import Recipe, load_recipe
from training.model.run_folder import METRICS, RunRecord

RECIPES = Path(__file__).parents[2] / "configs" / "training"
CORPUS, RUN, KEY = "corpus", "run", "corpus.json"
TRANSPOSE = 3  # each recording is also learned transposed by 1, 2, …, TRANSPOSE semitones, up and down
MOST_FRAMES = 30_000  # limit for a corpus's frames, transposed copies included; only very many notes exceed it
# A recording of one note gives at most 96 frames, and so does each of its transposed copies. Many recordings lower this
# limit, so that the corpus keeps to MOST_FRAMES; but it is at least 24.
FRAMES_OF_ONE = (24, 96)
FEWEST_EPOCHS = 4
MOST_STEPS = 20_000  # a training takes at most this many steps, unless the recipe's epochs need more
N_TIMED_EPOCHS = 2  # the first epoch also compiles; the second shows how long an epoch takes
RESTART_S = 12.0  # the time to restart the training with another number of epochs
# Training no longer helps if the last PATIENCE_SHARE of all epochs lowers the error by less than the share LEAST_GAIN.
# With 0.2 and 0.01 instead, a training on 100 recordings ended too early: the error hardly changes while the learning
# rate falls.
PATIENCE_SHARE, LEAST_GAIN = 0.35, 0.001
LAST_SHARE = 0.15  # when training no longer helps, it goes on for this share of the epochs done so far
OVERTIME = 1.15  # epochs are dropped if those left would take longer than OVERTIME * the time left + 2 * RESTART_S

Stage = Callable[[int], None]


def choose_recipe(decision: Decision, path: Path | None = None) -> Recipe:
    """The recipe for single notes or for any sounds; path: a recipe to load instead, or None."""
    return load_recipe(path or RECIPES / ("own-notes.yaml" if decision.only_notes else "own-sounds.yaml"))


def build_corpus(decision: Decision, name: str, work: Path, recipe: Recipe) -> FrameStore:
    """The corpus in the work folder. It is built first if it is missing or the recordings, labels or recipe changed.

    A run that was trained on an earlier corpus is deleted when the corpus is built.
    """
    recordings = with_splits(decision.recordings)
    moves = TRANSPOSE if decision.only_notes else 0
    fewest, most = FRAMES_OF_ONE if decision.only_notes else (1, MOST_FRAMES)
    most_frames = max(fewest, min(most, MOST_FRAMES // (len(recordings) * (2 * moves + 1))))
    folder, key = work / CORPUS, {"key": _key(recordings, (moves, most_frames, recipe))}
    if not (folder / INDEX).is_file() or _read_json(work / KEY) != key:
        shutil.rmtree(work / RUN, ignore_errors=True)
        build(folder, name, recordings, strict=False, force=True, transpose=moves, most_frames=most_frames)
        write_json(work / KEY, key)
    return FrameStore.open(folder)


@dataclass
class Training:
    """A training with a time limit.

    store: the corpus.
    folder: the run folder.
    seconds: the time limit.
    on_stage: makes previews; it is called at a few stages, with the number of epochs so far.
    is_last_stretch: whether the training is in its last epochs because more training no longer helped. Then no more
        epochs are cut.
    """

    recipe: Recipe
    store: FrameStore
    folder: Path
    seconds: float
    on_stage: Stage = lambda n_epochs: None
    is_last_stretch: bool = False

    def run(self) -> RunRecord:
        """Train, or continue a training that an earlier process began; returns the run's record."""
        self._begun_s = time.monotonic()
        n_epochs = self._planned()
        while True:
            wanted = self.recipe.with_epochs(n_epochs or self._most_epochs())
            n_before = len(read_history(self.folder)) if (self.folder / METRICS).is_file() else 0
            with Progress("training", wanted.fit.epochs - n_before, sys.stdout) as progress:
                watch = _Watch(self, progress, wanted.fit.epochs, n_before, planned=n_epochs is not None)
                try:
                    return train(wanted, self.store, self.folder, force=True, on_epoch=watch.epoch)
                except _ReplanError as change:
                    n_epochs, self.is_last_stretch = change.n_epochs, change.is_last_stretch
                    print(change, flush=True)
            write_json(self._plan_path(), {"n_epochs": n_epochs, "is_last_stretch": self.is_last_stretch})

    def left_s(self) -> float:
        """Seconds left for the training."""
        return self.seconds - (time.monotonic() - self._begun_s)

    def epochs_for(self, seconds: float, epoch_s: float) -> int:
        """How many epochs of `epoch_s` seconds fit into `seconds`; at least FEWEST_EPOCHS, at most `_most_epochs()`."""
        return max(FEWEST_EPOCHS, min(self._most_epochs(), int(seconds / max(epoch_s, 1e-3))))

    def _most_epochs(self) -> int:
        steps = math.ceil(len(self.store.rows("train")) / self.recipe.fit.batch_size)
        return max(self.recipe.fit.epochs, math.ceil(MOST_STEPS / steps))

    def _planned(self) -> int | None:
        plan = _read_json(self._plan_path())
        self.is_last_stretch = bool(plan.get("is_last_stretch"))
        return plan.get("n_epochs") if (self.folder / METRICS).is_file() else None

    def _plan_path(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-plan.json")


class _ReplanError(Exception):
    """Restarts the training with another number of epochs; reason: what to tell the user."""

    def __init__(self, n_epochs: int, reason: str, is_last_stretch: bool = False):
        super().__init__(reason)
        self.n_epochs, self.is_last_stretch = n_epochs, is_last_stretch


class _Watch:
    """Follows a training: shows its progress, has previews made, and cuts epochs if they do not help or time is short.

    n_epochs: number of all epochs.
    n_before: how many of them were trained already at the start.
    planned: whether n_epochs was chosen to fit the time limit; if not, the first epochs are timed to choose it.
    """

    def __init__(self, training: Training, progress: Progress, n_epochs: int, n_before: int, planned: bool):
        self._training, self._progress, self._n_epochs, self._planned = training, progress, n_epochs, planned
        self._n_before = n_before
        self._stages = {max(2, round(n_epochs * share)) for share in (0.15, 0.5)} if planned else set()

    def epoch(self, record: RunRecord) -> None:
        """Show the progress; at a stage, have previews made. Raises _ReplanError to change the number of epochs."""
        history = read_history(self._training.folder)
        row = history[-1]
        if not self._planned:
            self._plan(history)
            return
        error = row["val_loss"] if row["val_loss"] is not None else row["loss"]
        done = row["epoch"] - self._n_before
        self._progress.update(done, f"epoch {row['epoch']} of {self._n_epochs}, error {error:.2e}")
        if row["epoch"] in self._stages:
            self._training.on_stage(row["epoch"])
        if row["epoch"] < self._n_epochs and not self._training.is_last_stretch:
            self._shorten(history)

    def _plan(self, history: list[dict[str, Any]]) -> None:
        if len(history) < N_TIMED_EPOCHS:
            return
        epoch_s = history[-1]["seconds"]
        n_epochs = len(history) + self._training.epochs_for(self._training.left_s() - RESTART_S, epoch_s)
        left_s = RESTART_S + (n_epochs - len(history)) * epoch_s
        raise _ReplanError(n_epochs, f"training: {n_epochs} epochs of {epoch_s:.1f} s, about {clock(left_s)}")

    def _shorten(self, history: list[dict[str, Any]]) -> None:
        done, left = len(history), self._n_epochs - len(history)
        last = max(3, round(LAST_SHARE * done))
        if last < left and no_longer_helps(history, self._n_epochs):
            reason = f"epoch {done}: more training no longer helps; {last} epochs to finish"
            raise _ReplanError(done + last, reason, is_last_stretch=True)
        recent = history[self._n_before + 1 :][-5:]  # without the first epoch after a (re)start: it also compiles
        if len(recent) < N_TIMED_EPOCHS:
            return
        epoch_s = sum(row["seconds"] for row in recent) / len(recent)
        left_s = self._training.left_s()
        if left * epoch_s > OVERTIME * left_s + 2.0 * RESTART_S and left > FEWEST_EPOCHS:
            n_left = min(left, self._training.epochs_for(left_s - RESTART_S, epoch_s))
            if n_left < 0.9 * left:
                raise _ReplanError(done + n_left, f"epoch {done}: the time is short; {n_left} epochs to finish")


def no_longer_helps(history: list[dict[str, Any]], n_epochs: int) -> bool:
    """Whether the last PATIENCE_SHARE * n_epochs epochs lowered the error by less than the share LEAST_GAIN.

    history: from `read_history`. The error is the validation error; if there are no validation frames, it is the
    training error.
    """
    errors = [row["loss"] if row["val_loss"] is None else row["val_loss"] for row in history]
    patience = max(5, round(PATIENCE_SHARE * n_epochs))
    return len(errors) > 2 * patience and min(errors[-patience:]) > (1.0 - LEAST_GAIN) * min(errors[:-patience])


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The epochs of a run, one row each: epoch, loss, val_loss, seconds. Without held-out frames, val_loss is None."""
    rows = read_table(folder / METRICS, ("epoch", "loss"))
    numbers = [{key: float(text) if text else None for key, text in row.cells.items()} for row in rows]
    return [row | {"epoch": int(row["epoch"])} for row in numbers]


def _key(recordings: list[Recording], options: tuple[object, ...]) -> str:
    digest = hashlib.sha256(repr(options).encode())
    for one in recordings:
        stat = one.path.stat()
        digest.update(repr((one, stat.st_size, stat.st_mtime_ns)).encode())
    return digest.hexdigest()[:16]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        tree = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return tree if isinstance(tree, dict) else {}
