"""Trains and measures the planned runs, keeps small files of each (see kept.py), and collects results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.acoustics.pitch import N_CHROMA
from runtime.base.errors import UserError
from runtime.base.files import read_json, refuse_bad_target
from runtime.base.progress import Progress
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.measure.evaluation import evaluate
from training.measure.mesh import points_per_axis
from training.model.backend import forget_models
from training.model.recipe import load_recipe
from training.model.run_folder import LAST, RECIPE, RECORD, RunRecord, TrainedRun, read_record
from training.paper.checkpoints import keep_checkpoint, restore_checkpoint
from training.paper.corpora import Corpora
from training.paper.kept import KEPT_RUNS, KeptRun, difference, keep, read_kept
from training.paper.plan import PlannedRun, choose_runs
from training.paper.results import Results

CHECKPOINTS, SPEED = "checkpoints", "speed.json"  # in the report's folder: small checkpoints, the measured speed
KEEP_EVERY_S = 3600.0  # time of training between two small checkpoints
# The time left is estimated from these costs. Their unit is the cost of one frame's forward pass.
# TRAINING_COST: training on a frame. MESH_COST: decoding a frame of the mesh. FIXED_COST: all other work on a run.
TRAINING_COST, MESH_COST, FIXED_COST = 3.0, 0.7, 150_000.0


@dataclass(frozen=True)
class Reproduction:
    """The paper's models on our corpora, with the folders of their runs and results.

    out: the report's folder, with the kept runs.
    runs: the folder of the run folders.
    mesh: for each number of latents, the points per axis; None for the paper's numbers.
    force: whether runs of another config or corpus are replaced.
    """

    corpora: Corpora
    out: Path
    runs: Path
    mesh: dict[int, int] | None = None
    force: bool = False

    def kept(self, run: PlannedRun, store: FrameStore | None = None) -> KeptRun | None:
        """The kept files of a planned run; None if there are none.

        If the files are of another config or corpus: None with `force`, and UserError without it.
        store: the corpus that the run must have; None to compare only the configs.
        """
        kept = read_kept(self.out / KEPT_RUNS / run.kept_name)
        if kept is None:
            return None
        other = difference(kept, run.recipe, store)
        if other is None:
            return kept
        if self.force:
            return None
        raise UserError(kept.folder, f"a run of another {other}", "the same one", "give another --out, or --force")

    def kept_seeds(self, config: str) -> list[int]:
        """The seeds for which a run of the config is kept, ascending."""
        names = (path.name.removeprefix(f"{config}-seed") for path in (self.out / KEPT_RUNS).glob(f"{config}-seed*"))
        return sorted(int(name) for name in names if name.isdigit())

    def work(self, planned: list[PlannedRun]) -> None:
        """Train, measure and keep every planned run that is not done.

        A run is not done if no files of it are kept, if it was kept after fewer epochs than planned, or if its errors
        on the further patches are missing and can still be measured.
        """
        todo = [run for run in planned if not self._is_done(run, None)]
        for run in todo:
            refuse_bad_target(self.runs / run.name / RECORD)
        stores = {name: self.corpora.open(name) for name in dict.fromkeys(run.model.corpus for run in todo)}
        todo = [run for run in todo if not self._is_done(run, stores[run.model.corpus])]
        further = {name: self.corpora.open_further(name) for name in dict.fromkeys(run.model.corpus for run in todo)}
        jobs = [_Job(self, run, stores[run.model.corpus], further[run.model.corpus]) for run in todo]
        costs = [job.training_cost + job.measuring_cost for job in jobs]
        with Progress("the paper's models", sum(costs)) as progress:
            for index, job in enumerate(jobs):
                label, start = f"{job.run.name} ({index + 1} of {len(jobs)})", sum(costs[:index])
                progress.say(
                    job.work(lambda done, what, at=start, name=label: progress.update(at + done, f"{name}, {what}"))
                )

    def results(self) -> Results:
        """The kept runs of all models and seeds, and the measured speed."""
        plan = self.corpora.plan
        runs: dict[str, list[KeptRun]] = {}
        for model in plan.models:
            n_seeds = 1 + max(self.kept_seeds(model.config), default=-1)
            planned = [run for run in choose_runs(plan, [], n_seeds) if run.model == model] if n_seeds else []
            found = [kept for kept in map(self.kept, planned) if kept is not None]
            if found:
                runs[model.config] = found
        speed = self.out / SPEED
        return Results(runs, read_json(speed) if speed.exists() else None)

    def why_left_out(self, run: PlannedRun) -> str | None:
        """Why a run must be left out, or None. A run is left out if it is not done and its corpus cannot be built."""
        return None if self._is_done(run, None) else self.corpora.why_missing(run.model.corpus)

    def tables_left_out(self, results: Results) -> dict[str, str]:
        """For each table that lacks models: how many are missing, and why."""
        plan = self.corpora.plan
        left_out: dict[str, str] = {}
        for table in plan.tables:
            models = [model for model in plan.models if table in model.tables]
            missing = [model for model in models if not results.of(model.config)]
            if missing:
                why = {self.corpora.why_missing(model.corpus) or "not trained yet" for model in missing}
                left_out[table] = f"{len(missing)} of {len(models)} models: {'; '.join(sorted(why))}"
        return left_out

    def _is_done(self, run: PlannedRun, store: FrameStore | None) -> bool:
        kept = self.kept(run, store)
        return kept is not None and kept.n_epochs >= run.recipe.fit.epochs and not self._can_measure_further(run, kept)

    def _can_measure_further(self, run: PlannedRun, kept: KeptRun) -> bool:
        folder, planned = self.runs / run.name, self.corpora.plan.corpora[run.model.corpus].further_patches
        if planned is None or "further" in kept.report or not (folder / LAST).exists():
            return False
        recipe = load_recipe(folder / RECIPE, run.recipe.fit.epochs)
        return recipe == run.recipe and read_record(folder).n_epochs == kept.n_epochs


class _Job:
    """One planned run, which is trained, measured and kept.

    further: frames of the corpus's further patches, or None.

    training_cost: estimated cost of the epochs left to train.
    measuring_cost: estimated cost of all other work.
    """

    def __init__(self, reproduction: Reproduction, run: PlannedRun, store: FrameStore, further: FrameStore | None):
        self.run, self._reproduction, self._store, self._further = run, reproduction, store, further
        self._folder = reproduction.runs / run.name
        self._kept = reproduction.out / KEPT_RUNS / run.kept_name
        self._checkpoint = reproduction.out / CHECKPOINTS / f"{run.kept_name}.npz"
        restore_checkpoint(self._checkpoint, self._folder, run.recipe, store)
        n_done = read_record(self._folder).n_epochs if (self._folder / RECORD).exists() else 0
        self._epoch_cost = TRAINING_COST * len(store.rows("train"))
        self.training_cost = self._epoch_cost * max(run.recipe.fit.epochs - n_done, 0)
        n_latents = run.recipe.model.n_latents
        self._points = reproduction.mesh.get(n_latents) if reproduction.mesh else None
        n_decoded = N_CHROMA * (self._points or points_per_axis(n_latents)) ** n_latents
        self.measuring_cost = FIXED_COST + MESH_COST * n_decoded * (run.recipe.model.conditioning != "none")
        self._hours_kept: int | None = None

    def work(self, show: Callable[[float, str], None]) -> str:
        """Train, measure and keep the run; returns its result as one line.

        show: called with the cost of the work done so far, and with a text on what is being done.
        """
        n_epochs = self.run.recipe.fit.epochs

        def on_epoch(record: RunRecord) -> None:
            left = self._epoch_cost * (n_epochs - record.n_epochs)
            show(self.training_cost - left, f"epoch {record.n_epochs}/{n_epochs}")
            self._keep_checkpoint(record)

        try:
            train(self.run.recipe, self._store, self._folder, self._reproduction.force, on_epoch)
        except KeyboardInterrupt:
            if (self._folder / LAST).exists() and read_record(self._folder).seconds >= KEEP_EVERY_S:
                keep_checkpoint(self._checkpoint, self._folder, self.run.recipe, self._store)
            raise
        return self._measure(show)

    def _keep_checkpoint(self, record: RunRecord) -> None:
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
        keep(self._kept, evaluation, trained, self._store, self._further)
        self._checkpoint.unlink(missing_ok=True)
        forget_models()
        error = evaluation.report["mse"]["test"]
        shown = "no test frames" if error is None else f"test error {error:.3e}"
        return f"{self.run.name}: {shown} after {evaluation.report['n_epochs']} epochs"
