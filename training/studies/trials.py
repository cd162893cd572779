"""Train and measure many variants of one recipe, a row of one table each: how docs/latent-space.md came to be.

python -m training.studies.trials configs/trials.yaml --table docs/latent-space-trials.csv goes on where it was
stopped: a trial that has a row is left alone.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import msgspec

from runtime.base.checked_yaml import checked, load_yaml
from runtime.base.command_line import Parser, run_command
from runtime.base.errors import UserError
from runtime.base.files import written_whole
from training.corpus.frames import FrameStore
from training.instrument.run_instrument import RunInstrument
from training.learning.train import train
from training.measure.playability import N_POINTS, refuse_no_points
from training.measure.playing_report import measure_playing, summary_row
from training.model.recipe import Recipe, refuse_contradictions
from training.model.run_folder import TrainedRun

RUNS = Path("runs/trials")


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variant. corpus: a name of the file's corpora; model, fit: what differs from the base recipe."""

    name: str
    says: str
    corpus: str
    model: dict[str, Any] = {}
    fit: dict[str, Any] = {}
    even_knobs: bool = False


class Trials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of trials. corpora: folders of frames by name; base: the recipe, as a tree, that they vary."""

    corpora: dict[str, str]
    base: dict[str, Any]
    trials: list[Trial]


def main(argv: list[str]) -> int:
    """Run the command line and return its exit status."""
    return run_command(lambda: _run(argv))


def _run(argv: list[str]) -> int:
    parser = Parser(prog="python -m training.studies.trials", description=__doc__)
    parser.add_argument("file", type=Path, metavar="TRIALS.yaml")
    parser.add_argument("--table", type=Path, required=True, metavar="F.csv", help="where the figures go")
    parser.add_argument("--points", type=int, default=N_POINTS, metavar="N", help="notes played at random knobs (2000)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these trials alone")
    arguments = parser.parse_args(argv)
    refuse_no_points(arguments.points)
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
    """The base recipe with the trial's changes; UserError if a key or value is wrong."""
    base = trials.base
    tree = base | {part: base.get(part, {}) | getattr(trial, part) for part in ("model", "fit")}
    tree["even_knobs"] = trial.even_knobs
    where = f"{where}, trial {trial.name!r}"
    recipe = checked(tree, Recipe, where)
    refuse_contradictions(recipe, where)
    return recipe


def run_trial(trial: Trial, trials: Trials, where: object, n_points: int = N_POINTS) -> dict[str, Any]:
    """Train a trial, or go on with it, and measure how it plays: its row of the table."""
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
    """Rows of a table that is there already, by trial."""
    if not path.exists():
        return {}
    with open(path, encoding="utf-8", newline="") as stream:
        return {row["trial"]: row for row in csv.DictReader(stream)}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Put the table in its place."""
    with written_whole(path) as stream:
        writer = csv.DictWriter(stream, list(rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
