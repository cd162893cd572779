"""Train the paper's models, and report which of its findings hold."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from runtime.base.command_line import at_least
from runtime.base.files import write_json
from runtime.base.progress import clock
from training.corpus.frames import DATA
from training.model.run_folder import RUNS
from training.paper.corpora import Corpora
from training.paper.plan import ONLY_SPEED, PLAN, Plan, PlannedRun, choose_runs, load_plan
from training.paper.report import HTML, MARKDOWN, Circumstances, claim_folder, write_report
from training.paper.reproduction import SPEED, Reproduction
from training.paper.speed import Effort, measure_speed

OUT, QUICK = Path("docs/paper"), "quick"
QUICK_EFFORT = Effort(n_rounds=6, n_batches=3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options for the models to train, the number of epochs and the folders to use."""
    parser.add_argument("--quick", action="store_true", help="every model on a reduced corpus, in minutes")
    tables = "some of table1 to table5, table2-living, vae, speed"
    parser.add_argument("--only", nargs="+", default=[], metavar="TABLE", help=tables)
    parser.add_argument(
        "--seeds", type=at_least(1), default=1, metavar="N", help="train every model N times (default: 1)"
    )
    parser.add_argument("--epochs", type=at_least(1), metavar="N", help="train N epochs instead of the paper's 300")
    parser.add_argument("--violin", type=Path, metavar="DIR", help="violin recordings: single notes and performances")
    parser.add_argument(
        "--violin-manifest", type=Path, metavar="CSV", help="table of these files (default: manifest.csv there)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the report (default: docs/paper)")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="folder of the corpora (default: data)")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR", help="folder of the runs (default: runs)")
    parser.add_argument("--plan", type=Path, default=PLAN, metavar="F", help="the models (default: configs/paper.yaml)")
    parser.add_argument("--report", action="store_true", help="train nothing; report on the existing results")
    parser.add_argument("--force", action="store_true", help="replace runs of another recipe or corpus")


def run(arguments: argparse.Namespace) -> int:
    """Train the models that are missing, write the report, and print a verdict on each finding."""
    start_s = time.monotonic()
    plan = load_plan(arguments.plan)
    reproduction = _reproduction(arguments, plan)
    epochs = arguments.epochs or (plan.quick.epochs if arguments.quick else None)
    chosen = choose_runs(plan, arguments.only, arguments.seeds, epochs)
    claim_folder(reproduction.out, arguments.quick)
    if not arguments.report:
        reproduction.work([run for run in chosen if not reproduction.why_left_out(run)])
        if ONLY_SPEED in arguments.only or not (reproduction.out / SPEED).exists():
            _measure_speed(reproduction, plan, chosen, arguments.quick)
    results = reproduction.results()
    left_out = reproduction.tables_left_out(results)
    for table, why in left_out.items():
        print(f"left out: {table}: {why}", flush=True)
    for outcome in write_report(reproduction.out, plan, results, Circumstances(arguments.quick, left_out)):
        print(f"{outcome.verdict:>13}: {outcome.claim.source}: {outcome.claim.text}")
    print(f"{reproduction.out}: {MARKDOWN}, {HTML}, in {clock(time.monotonic() - start_s)}")
    return 0


def _reproduction(arguments: argparse.Namespace, plan: Plan) -> Reproduction:
    """Return the Reproduction; a quick reproduction has separate folders, so that it never mixes with a full one."""
    data, runs, out, mesh = arguments.data, arguments.runs, arguments.out or OUT, None
    if arguments.quick:
        data, runs, mesh = data / QUICK, runs / QUICK, plan.quick.mesh
        out = arguments.out or runs / OUT.name
    corpora = Corpora(plan, data, arguments.violin, arguments.violin_manifest, arguments.quick)
    return Reproduction(corpora, out, runs, mesh, arguments.force)


def _measure_speed(reproduction: Reproduction, plan: Plan, chosen: list[PlannedRun], quick: bool) -> None:
    """Time training steps with each augmentation, and a step's matrix products alone; write the times to a file."""
    run = (chosen or choose_runs(plan, [], 1))[0]
    run = next((run for run in chosen if not reproduction.corpora.why_missing(run.model.corpus)), run)
    store = reproduction.corpora.open(run.model.corpus)
    print("measuring the speed of training", flush=True)
    write_json(reproduction.out / SPEED, measure_speed(run.recipe, store, QUICK_EFFORT if quick else Effort()))
