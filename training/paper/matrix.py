"""Work through the runs of the plan: what is kept already is taken, what is not is trained, measured and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.acoustics.pitch import N_CHROMA
from runtime.base.errors import UserError
from runtime.base.progress import Progress
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.measure.evaluation import evaluate
from training.measure.mesh import points_per_axis
from training.model.backend import forget_models
from training.model.run_folder import LAST, RECORD, RunRecord, TrainedRun, read_record
from training.paper.checkpoints import keep_checkpoint, restore_checkpoint
from training.paper.corpora import Corpora
from training.paper.kept import KeptRun, difference, keep, read_kept
from training.paper.plan import PlannedRun

RUNS, CHECKPOINTS = "runs", "checkpoints"
KEEP_EVERY_S = 3600.0
# In forward passes of a frame: training costs three, a decoded point of the mesh less than one, and compiling and the
# rest of what is measured about as much as so many.
TRAINING_COST, MESH_COST, FIXED_COST = 3.0, 0.7, 150_000.0


@dataclass(frozen=True)
class Matrix:
    """Where everything lies. out: the report's folder; runs: of the run folders; mesh: points per axis by n_latents.

    force: replace runs of another config or corpus.
    """

    corpora: Corpora
    out: Path
    runs: Path
    mesh: dict[int, int] | None = None
    force: bool = False

    def kept(self, run: PlannedRun, store: FrameStore | None = None) -> KeptRun | None:
        """What is kept of a run; None if nothing is. UserError if it is of another config or corpus, unless forced."""
        kept = read_kept(self.out / RUNS / run.kept_name)
        if kept is None:
            return None
        other = difference(kept, run.recipe, store)
        if other is None:
            return kept
        if self.force:
            return None
        raise UserError(kept.folder, f"a run of another {other}", "the same one", "give another --out, or --force")

    def kept_seeds(self, config: str) -> list[int]:
        """The seeds of a model of which something is kept, ascending."""
        names = (path.name.removeprefix(f"{config}-seed") for path in (self.out / RUNS).glob(f"{config}-seed*"))
        return sorted(int(name) for name in names if name.isdigit())

    def work(self, planned: list[PlannedRun]) -> None:
        """Train, measure and keep every run that is not kept yet with as many epochs."""
        todo = [run for run in planned if not self._is_done(run, None)]
        stores = {name: self.corpora.open(name) for name in dict.fromkeys(run.model.corpus for run in todo)}
        todo = [run for run in todo if not self._is_done(run, stores[run.model.corpus])]
        jobs = [_Job(self, run, stores[run.model.corpus]) for run in todo]
        costs = [job.training_cost + job.measuring_cost for job in jobs]
        with Progress("the matrix", sum(costs)) as progress:
            for index, job in enumerate(jobs):
                label, start = f"{job.run.name} ({index + 1} of {len(jobs)})", sum(costs[:index])
                progress.say(
                    job.work(lambda done, what, at=start, name=label: progress.update(at + done, f"{name}, {what}"))
                )

    def _is_done(self, run: PlannedRun, store: FrameStore | None) -> bool:
        kept = self.kept(run, store)
        return kept is not None and kept.n_epochs >= run.recipe.fit.epochs


class _Job:
    """One run to be trained, measured and kept; training_cost is that of the epochs that are left."""

    def __init__(self, matrix: Matrix, run: PlannedRun, store: FrameStore):
        self.run, self._matrix, self._store = run, matrix, store
        self._folder = matrix.runs / run.name
        self._kept = matrix.out / RUNS / run.kept_name
        self._checkpoint = matrix.out / CHECKPOINTS / f"{run.kept_name}.npz"
        restore_checkpoint(self._checkpoint, self._folder, run.recipe, store)
        n_done = read_record(self._folder).n_epochs if (self._folder / RECORD).exists() else 0
        self._epoch_cost = TRAINING_COST * len(store.rows("train"))
        self.training_cost = self._epoch_cost * max(run.recipe.fit.epochs - n_done, 0)
        n_latents = run.recipe.model.n_latents
        self._points = matrix.mesh.get(n_latents) if matrix.mesh else None
        n_decoded = N_CHROMA * (self._points or points_per_axis(n_latents)) ** n_latents
        self.measuring_cost = FIXED_COST + MESH_COST * n_decoded * (run.recipe.model.conditioning != "none")
        self._hours_kept: int | None = None

    def work(self, show: Callable[[float, str], None]) -> str:
        """Train, measure and keep; returns a line for the screen. show: told of the cost that is done, and of what."""
        n_epochs = self.run.recipe.fit.epochs

        def on_epoch(record: RunRecord) -> None:
            left = self._epoch_cost * (n_epochs - record.n_epochs)
            show(self.training_cost - left, f"epoch {record.n_epochs}/{n_epochs}")
            self._keep_checkpoint(record)

        try:
            train(self.run.recipe, self._store, self._folder, self._matrix.force, on_epoch)
        except KeyboardInterrupt:
            if (self._folder / LAST).exists() and read_record(self._folder).seconds >= KEEP_EVERY_S:
                keep_checkpoint(self._checkpoint, self._folder, self.run.recipe, self._store)
            raise
        return self._measure(show)

    def _keep_checkpoint(self, record: RunRecord) -> None:
        """Every hour of training."""
        hours = int(record.seconds // KEEP_EVERY_S)
        if self._hours_kept is not None and hours > self._hours_kept:
            keep_checkpoint(self._checkpoint, self._folder, self.run.recipe, self._store)
        self._hours_kept = hours

    def _measure(self, show: Callable[[float, str], None]) -> str:
        trained = TrainedRun.open(self._folder)

        def on_share(share: float) -> None:
            show(self.training_cost + share * self.measuring_cost, "measuring")

        on_share(0.0)
        evaluation = evaluate(trained, self._store, self._points, on_share)
        keep(self._kept, evaluation, trained, self._store)
        self._checkpoint.unlink(missing_ok=True)
        forget_models()
        error = evaluation.report["mse"]["test"]
        shown = "no test frames" if error is None else f"test error {error:.3e}"
        return f"{self.run.name}: {shown} after {evaluation.report['n_epochs']} epochs"
