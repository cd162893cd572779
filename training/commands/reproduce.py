"""Reproduce the paper: train what is missing of its models, and write the report with every table and figure."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import read_json, write_json
from runtime.base.progress import clock
from training.commands.corpus import DATA
from training.commands.train import RUNS
from training.paper.corpora import Corpora
from training.paper.kept import KeptRun
from training.paper.matrix import Matrix
from training.paper.plan import ONLY_SPEED, PLAN, Plan, PlannedRun, choose_runs, load_plan
from training.paper.report import HTML, MARKDOWN, NOTES, Circumstances, write_report
from training.paper.results import Results
from training.paper.speed import Effort, measure_speed

OUT, QUICK = Path("docs/paper"), "quick"
STATE, SPEED = "reproduce.json", "speed.json"
QUICK_EFFORT = Effort(n_rounds=6, n_batches=3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line of `reproduce`."""
    parser.add_argument("--quick", action="store_true", help="the whole matrix on a reduced corpus, in minutes")
    parser.add_argument("--only", nargs="+", default=[], metavar="TABLE", help="table1 to table5, vae or speed")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="train every model N times (default: 1)")
    parser.add_argument("--epochs", type=int, metavar="N", help="train N epochs instead of the paper's 300")
    parser.add_argument("--violin", type=Path, metavar="DIR", help="violin recordings: single notes and performances")
    parser.add_argument(
        "--violin-manifest", type=Path, metavar="CSV", help="their manifest (default: manifest.csv there)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the report and what is kept (default: docs/paper)")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="of the corpora (default: data)")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR", help="of the run folders (default: runs)")
    parser.add_argument("--plan", type=Path, default=PLAN, metavar="F", help="the matrix (default: configs/paper.yaml)")
    parser.add_argument("--report", action="store_true", help="train nothing: write the report of what is kept")
    parser.add_argument("--force", action="store_true", help="replace runs of another config or corpus")


def run(arguments: argparse.Namespace) -> int:
    """Reproduce as the command line says."""
    for name in ("seeds", "epochs"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            raise UserError(f"--{name}", str(getattr(arguments, name)), "at least 1", "give a larger number")
    start_s = time.monotonic()
    plan = load_plan(arguments.plan)
    matrix = _matrix(arguments, plan)
    epochs = arguments.epochs or (plan.quick.epochs if arguments.quick else None)
    chosen = choose_runs(plan, arguments.only, arguments.seeds, epochs)
    _claim(matrix.out, arguments.quick)
    if not arguments.report:
        matrix.work([run for run in chosen if not _left_out(matrix, run)])
        if ONLY_SPEED in arguments.only or not (matrix.out / SPEED).exists():
            _measure_speed(matrix, plan, chosen, arguments.quick)
    results = _results(matrix, plan)
    left_out = _tables_left_out(matrix, plan, results)
    for table, why in left_out.items():
        print(f"left out: {table}: {why}", flush=True)
    for outcome in write_report(matrix.out, plan, results, Circumstances(arguments.quick, left_out)):
        print(f"{outcome.verdict:>13}: {outcome.claim.source}: {outcome.claim.text}")
    print(f"{matrix.out}: {MARKDOWN}, {HTML}, in {clock(time.monotonic() - start_s)}")
    return 0


def _matrix(arguments: argparse.Namespace, plan: Plan) -> Matrix:
    """Where things lie: a quick reproduction has folders of its own, so that it never meets the real one."""
    data, runs, out, mesh = arguments.data, arguments.runs, arguments.out or OUT, None
    if arguments.quick:
        data, runs, mesh = data / QUICK, runs / QUICK, plan.quick.mesh
        out = arguments.out or runs / OUT.name
    corpora = Corpora(plan, data, arguments.violin, arguments.violin_manifest, arguments.quick)
    return Matrix(corpora, out, runs, mesh, arguments.force)


def _claim(out: Path, quick: bool) -> None:
    """Make the report's folder ours; UserError if it holds other things, or a report of the other kind."""
    path, kinds = out / STATE, ("whole", "quick")
    if path.exists():
        found = read_json(path).get("kind")
        if found != kinds[quick]:
            raise UserError(out, f"a {found} reproduction", f"a {kinds[quick]} one", "give another --out")
    elif out.exists() and (not out.is_dir() or any(path.name != NOTES for path in out.iterdir())):
        raise UserError(out, "a folder of other things", "a new or empty one", "give another --out")
    write_json(path, {"kind": kinds[quick]})


def _left_out(matrix: Matrix, run: PlannedRun) -> str | None:
    """Why a run cannot be had, or None if it can: its corpus is missing, and so is what would be kept of it."""
    return None if matrix.kept(run) else matrix.corpora.why_missing(run.model.corpus)


def _results(matrix: Matrix, plan: Plan) -> Results:
    """Everything that is kept, of as many seeds as there are."""
    runs: dict[str, list[KeptRun]] = {}
    for model in plan.models:
        n_seeds = 1 + max(matrix.kept_seeds(model.config), default=-1)
        planned = [run for run in choose_runs(plan, [], n_seeds) if run.model == model] if n_seeds else []
        found = [kept for kept in map(matrix.kept, planned) if kept is not None]
        if found:
            runs[model.config] = found
    speed = matrix.out / SPEED
    return Results(runs, read_json(speed) if speed.exists() else None)


def _tables_left_out(matrix: Matrix, plan: Plan, results: Results) -> dict[str, str]:
    """For each table that lacks models: how many, and why."""
    left_out = {}
    for table in plan.tables:
        models = [model for model in plan.models if table in model.tables]
        missing = [model for model in models if not results.of(model.config)]
        if missing:
            why = {matrix.corpora.why_missing(model.corpus) or "not trained yet" for model in missing}
            left_out[table] = f"{len(missing)} of {len(models)} models: {'; '.join(sorted(why))}"
    return left_out


def _measure_speed(matrix: Matrix, plan: Plan, chosen: list[PlannedRun], quick: bool) -> None:
    """Training steps against the machine's matrix products, and augmentations against each other."""
    run = (chosen or choose_runs(plan, [], 1))[0]
    run = next((run for run in chosen if not matrix.corpora.why_missing(run.model.corpus)), run)
    store = matrix.corpora.open(run.model.corpus)
    print("measuring the speed of training", flush=True)
    write_json(matrix.out / SPEED, measure_speed(run.recipe, store, QUICK_EFFORT if quick else Effort()))
