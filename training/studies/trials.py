"""Train variants of one recipe and write their figures into a table: the trials of docs/latent-space.md.

To run every trial that has no row in the table yet:
python -m training.studies.trials configs/trials.yaml --table docs/latent-space-trials.csv
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from runtime.base.checked_yaml import checked, load_yaml
from runtime.base.command_line import Parser, at_least, run_program
from runtime.base.errors import UserError
from runtime.base.files import refuse_bad_target
from training.corpus.csv_table import write_csv
from training.corpus.frames import FrameStore
from training.instrument.run_instrument import RunInstrument
from training.learning.train import train
from training.measure.playability import N_POINTS
from training.measure.playing_report import measure_playing, summary_row
from training.model.recipe import Recipe, refuse_contradictions
from training.model.run_folder import TrainedRun

RUNS = Path("runs/trials")


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variant of the base recipe.

    says: a description.
    corpus: a name in `Trials.corpora`.
    model, fit: values that replace those of the base recipe's parts `model` and `fit`.
    """

    name: str
    says: str
    corpus: str
    model: dict[str, Any] = {}
    fit: dict[str, Any] = {}
    even_knobs: bool = False


class Trials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of trials.

    corpora: folders of frames, by name.
    base: the recipe that the trials change.
    """

    corpora: dict[str, str]
    base: dict[str, Any]
    trials: list[Trial]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.studies.trials", description=__doc__)
    parser.add_argument("file", type=Path, metavar="TRIALS.yaml", help="the trials")
    parser.add_argument("--table", type=Path, required=True, metavar="F.csv", help="the table to write")
    parser.add_argument(
        "--points", type=at_least(1), default=N_POINTS, metavar="N", help="notes to play at random (default: 2000)"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run only these trials")
    return run_program(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    """Train and measure each trial that has no row in the table yet."""
    refuse_bad_target(arguments.table)
    trials = load_yaml(arguments.file, Trials)
    rows = read_rows(arguments.table)
    for trial in trials.trials:
        if trial.name in rows or (arguments.only and trial.name not in arguments.only):
            continue
        print(f"--- {trial.name}: {trial.says}", flush=True)
        rows[trial.name] = run_trial(trial, trials, arguments.file, arguments.points)
        write_rows(arguments.table, [rows[t.name] for t in trials.trials if t.name in rows])
    return 0


def recipe_of(trial: Trial, trials: Trials, where: object) -> Recipe:
    """The base recipe with the trial's changes; UserError if a key or value is wrong. where: the file's name."""
    base = trials.base
    tree = base | {part: base.get(part, {}) | getattr(trial, part) for part in ("model", "fit")}
    tree["even_knobs"] = trial.even_knobs
    where = f"{where}, trial {trial.name!r}"
    recipe = checked(tree, Recipe, where)
    refuse_contradictions(recipe, where)
    return recipe


def run_trial(trial: Trial, trials: Trials, where: object, n_points: int = N_POINTS) -> dict[str, Any]:
    """Train a trial, or finish a stopped one, and measure it; returns its row of the table.

    where: the file's name, for errors.
    """
    recipe = recipe_of(trial, trials, where)
    if trial.corpus not in trials.corpora:
        raise UserError(where, f"corpus {trial.corpus!r}", f"one of {', '.join(trials.corpora)}", "change it")
    folder = RUNS / trial.name
    store = FrameStore.open(trials.corpora[trial.corpus])
    train(recipe, store, folder)
    from training.instrument.even_knobs import with_even_knobs

    run = with_even_knobs(TrainedRun.open(folder), store)
    report = measure_playing(RunInstrument(run, store), store, run, n_points)
    return {"trial": trial.name, "says": trial.says, "corpus": trial.corpus} | summary_row(report, run)


def read_rows(path: Path) -> dict[str, dict[str, Any]]:
    """A table's rows by trial; empty if the file is missing."""
    if not path.exists():
        return {}
    with open(path, encoding="utf-8", newline="") as stream:
        return {row["trial"]: row for row in csv.DictReader(stream)}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the table; its columns are those of its last row."""
    write_csv(path, rows, list(rows[-1]))


if __name__ == "__main__":
    sys.exit(main())
