"""Tables made anew from the committed runs have the same columns as the committed tables.

Our own models have separate tables.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.places import ROOT
from training.paper.kept import KeptRun, read_kept
from training.paper.plan import load_plan
from training.paper.results import Results
from training.paper.tables import Table, all_tables

PAPER = ROOT / "docs" / "paper"
TABLE_2 = [f"paper-one-octave-2-{name}-{skip}" for name in ("sigmoid", "lrelu") for skip in ("skip", "no-skip")]


def kept(config: str) -> KeptRun:
    run = read_kept(PAPER / "runs" / f"{config}-seed0")
    assert run is not None
    return run


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    plan = load_plan()
    there = [model.config for model in plan.models if (PAPER / "runs" / f"{model.config}-seed0").exists()]
    runs = {config: [kept(config)] for config in there} | {f"{config}-living": [kept(config)] for config in TABLE_2}
    return {table.name: table for table in all_tables(plan, Results(runs))}


def header(path: Path) -> list[str]:
    return next(csv.reader(path.open(encoding="utf-8")))


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "table4", "table5", "figures23", "vae", "corpora"])
def test_a_committed_table_keeps_its_columns(name: str, tables: dict[str, Table]):
    assert tables[name].columns == header(PAPER / "tables" / f"{name}.csv")


def test_the_living_models_have_a_table_of_their_own_like_table_2(tables: dict[str, Table]):
    paper, ours = tables["table2"], tables["table2-living"]
    assert ours.columns == paper.columns
    assert [row["model"] for row in ours.rows] == [f"{row['model']}-living" for row in paper.rows]
    assert "ours" in ours.title
    names = list(tables)
    assert names.index("table2-living") == names.index("table2") + 1


def test_figures_2_and_3_show_the_paper_s_eight_models_only(tables: dict[str, Table]):
    models = [row["model"] for row in tables["figures23"].rows]
    assert len(models) == 8
    assert not [name for name in models if "living" in name]


def further_rows(*runs: KeptRun) -> list[dict]:
    tables = all_tables(load_plan(), Results({TABLE_2[0]: list(runs)}))
    return next((table.rows for table in tables if table.name == "further"), [])


def test_without_errors_on_further_sounds_of_every_seed_a_model_is_not_in_their_table():
    further = {"mse": 2e-3, "mse_by_sound": {"a": 1e-3, "b": 3e-3}}
    first = kept(TABLE_2[0])
    measured = replace(first, report=first.report | {"further": further})
    assert not further_rows(measured, first)
    (row,) = further_rows(measured, measured)
    assert (row["MSE"], row["MSE, lowest"], row["MSE, highest"]) == (2e-3, 1e-3, 3e-3)
    assert row["further sounds"] == 2
