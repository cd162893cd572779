"""Makes the paper's tables from our results, as plain values, CSV and JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime.acoustics.pitch import PITCH_CLASSES
from runtime.base.files import write_json
from training.corpus.csv_table import write_csv
from training.paper.kept import KeptRun
from training.paper.plan import Plan
from training.paper.results import (
    Measure,
    Results,
    correlation,
    density,
    epoch_s,
    error_per_sound,
    held_out_error,
    short_name,
)

NOT_TRAINED = "not trained"
Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table of the report.

    name: the name of the table's files, without suffix.
    rows: each row's values by column, None for a missing value.
    """

    name: str
    title: str
    rows: list[Row]

    @property
    def columns(self) -> list[str]:
        """The columns' names."""
        return list(self.rows[0]) if self.rows else []


def all_tables(plan: Plan, results: Results) -> list[Table]:
    """Every table that has at least one row."""
    tables = [_errors(plan, results, name, title) for name, title in ERROR_TABLES.items()]
    tables += [_further(results), _embeddings(plan, results), _mesh(plan, results), _variational(results)]
    tables.append(_corpora(results))
    return [table for table in tables if table.rows]


def write_table(folder: Path, table: Table, environments: list[dict[str, Any]]) -> None:
    """Write NAME.csv and NAME.json into the folder; the JSON also lists the environments of the runs."""
    write_csv(folder / f"{table.name}.csv", table.rows)
    tree = {"title": table.title, "rows": table.rows, "environments": environments}
    write_json(folder / f"{table.name}.json", tree)


ERROR_TABLES = {
    "table1": "Table I: augmentations (five octaves, 8 latents, LReLU)",
    "table2": "Table II: bottleneck and skip (one octave, 2 latents)",
    "table2-living": "Table II once more, with output bins that cannot die (ours)",
    "table3": "Table III: bottleneck and skip (violin, 2 latents)",
    "table4": "Table IV: skip with 3 latents (sigmoid)",
}


def _errors(plan: Plan, results: Results, name: str, title: str) -> Table:
    configs = [model.config for model in plan.models if name in model.tables and results.of(model.config)]
    several_seeds = any(len(results.of(config)) > 1 for config in configs)
    rows = [_error_row(config, results, several_seeds) for config in configs]
    return Table(name, title, sorted(rows, key=lambda row: row["test MSE"] or np.inf))


def _error_row(config: str, results: Results, several_seeds: bool) -> Row:
    runs = results.of(config)
    row: Row = {"model": short_name(config), "seeds": len(runs), "epochs": _each(run.n_epochs for run in runs)}
    row |= {f"{split} MSE": _mean(run.report["mse"][split] for run in runs) for split in ("test", "val", "train")}
    if several_seeds:
        tests = [run.report["mse"]["test"] for run in runs if run.report["mse"]["test"] is not None]
        row |= {"test MSE, lowest": min(tests, default=None), "test MSE, highest": max(tests, default=None)}
    row["training (s)"] = _mean(run.report["training_s"] for run in runs)
    row["epoch (s)"] = _mean(epoch_s(run) for run in runs)
    row["silent bins"] = _mean(run.report["silent_bins"] for run in runs)
    row["test MSE in silent bins"] = _mean(run.report["test_mse_of_silent_bins"] for run in runs)
    return row


def _further(results: Results) -> Table:
    """Errors on the further sounds, next to the errors on the test split.

    The column "all sounds" holds the geometric mean of the errors on all test sounds and further sounds. It decides
    whether the paper's findings hold.
    """
    rows = []
    for config, runs in results.runs.items():
        errors = [run.report["further"]["mse_by_sound"] for run in runs if run.report.get("further")]
        if len(errors) < len(runs):
            continue
        row: Row = {"model": short_name(config), "seeds": len(runs), "epochs": _each(run.n_epochs for run in runs)}
        row |= {"further sounds": _each(map(len, errors)), "MSE": _mean(run.report["further"]["mse"] for run in runs)}
        row["MSE, lowest"] = _mean(min(by_sound.values()) for by_sound in errors)
        row["MSE, highest"] = _mean(max(by_sound.values()) for by_sound in errors)
        row |= {"test MSE": _of(runs, held_out_error), "all sounds": _of(runs, error_per_sound)}
        rows.append(row)
    return Table("further", "Errors on further patches that no model was trained on (ours)", rows)


def _embeddings(plan: Plan, results: Results) -> Table:
    rows = []
    for config in plan.figures23:
        runs = results.of(config)
        if not runs:
            continue
        bounds = runs[0].report["embedding"]["bounds"]
        row: Row = {"model": short_name(config)}
        row |= {f"latent {index}": f"{low:.3g} to {high:.3g}" for index, (low, high) in enumerate(bounds, start=1)}
        row |= {"density": _of(runs, density), "correlation": _of(runs, correlation)}
        rows.append(row)
    return Table("figures23", "Figures 2-3 in numbers: the training frames' embedding", rows)


def _mesh(plan: Plan, results: Results) -> Table:
    """Table V, two rows for each model: the shares of mesh points that give the pitch class asked for.

    The first row counts the points where this class is the strongest. The second row counts the points where this class
    is heard in tune.
    """
    rows = []
    for model in plan.models:
        runs = results.of(model.config)
        if "table5" not in model.tables or not runs:
            continue
        for measure, key in (("strongest chroma", "accuracy"), ("heard in tune", "heard")):
            mesh = runs[0].report["mesh"]
            row: Row = {"model": short_name(model.config), "measure": measure}
            row["points"] = mesh["n_points"] * len(mesh["asked_notes"]) if key == "accuracy" else mesh["n_heard_points"]
            row["all"] = _mean(run.report["mesh"][key] for run in runs)
            for name in PITCH_CLASSES:
                shares = [run.report["mesh"][f"{key}_by_pitch_class"].get(name) for run in runs]
                row[name] = NOT_TRAINED if None in shares else _mean(shares)
            rows.append(row)
    return Table("table5", "Table V: share of mesh points that play the pitch class asked for", rows)


def _variational(results: Results) -> Table:
    rows = []
    for config, runs in results.runs.items():
        if not runs[0].report["divergence_nats"]:
            continue
        for latent, _ in enumerate(runs[0].report["divergence_nats"]):
            row: Row = {"model": short_name(config), "latent": latent + 1}
            row["divergence (nats)"] = _mean(run.report["divergence_nats"][latent] for run in runs)
            row["changes of pitch class"] = _mean(run.report["pitch_changes"][latent] for run in runs)
            rows.append(row)
    return Table("vae", "The beta-VAE: divergence and pitch of each latent", rows)


def _corpora(results: Results) -> Table:
    rows: list[Row] = []
    for runs in results.runs.values():
        corpus = runs[0].report["corpus"]
        row: Row = {"corpus": corpus["name"], "kind": corpus["kind"]}
        row |= {f"{split} frames": corpus[f"n_{split}_frames"] for split in ("train", "val", "test")}
        row["licence"] = corpus["licence"]
        rows += [row] if row not in rows else []
    return Table("corpora", "The corpora", rows)


def _of(runs: list[KeptRun], measure: Measure) -> float | None:
    return _mean(measure(run) for run in runs)


def _mean(values: Iterable[float | None]) -> float | None:
    found = list(values)
    return None if any(value is None for value in found) else float(f"{np.mean(found):.6g}")


def _each(values: Iterable[int]) -> str | int:
    """The value, if all values are equal; if they differ, a text with the different values in ascending order."""
    found = sorted(set(values))
    return found[0] if len(found) == 1 else ", ".join(map(str, found))
