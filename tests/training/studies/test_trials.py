"""Each trial gets a row in the table; a trial that has a row is not run again."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from runtime.base.checked_yaml import load_yaml
from tests.support.harmonic_store import write_store
from tests.support.places import ROOT
from training.studies import trials
from training.studies.trials import Trials, main, recipe_of

COMMITTED = ROOT / "configs" / "trials.yaml"
TINY = {"encoder_widths": [8], "decoder_widths": [8], "conditioning": "chroma+octave", "augmentation": "chroma"}


def write(path: Path, corpus: Path, *named: dict) -> Path:
    base = {"labels": "known", "model": TINY, "fit": {"epochs": 1, "batch_size": 32}}
    path.write_text(yaml.safe_dump({"corpora": {"tones": str(corpus)}, "base": base, "trials": list(named)}))
    return path


def trial(name: str, **changes: object) -> dict:
    return {"name": name, "says": f"the {name} one", "corpus": "tones", **changes}


def test_every_committed_trial_is_a_recipe():
    committed = load_yaml(COMMITTED, Trials)
    recipes = [recipe_of(trial, committed, COMMITTED) for trial in committed.trials]
    assert len(set(map(str, recipes))) == len(recipes) - 1  # two have the same recipe, but different corpora
    assert all(trial.corpus in committed.corpora for trial in committed.trials)


def test_every_trial_gets_a_row_and_only_missing_ones_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(trials, "RUNS", tmp_path / "runs")
    write_store(tmp_path / "tones")
    first, second = trial("first"), trial("second", model={"compression": 3})
    table = tmp_path / "table.csv"
    for named in ([first], [first, second]):
        path = write(tmp_path / "t.yaml", tmp_path / "tones", *named)
        assert main([str(path), "--table", str(table), "--points", "20"]) == 0
    assert "--- first" not in capsys.readouterr().out.split("--- second")[1]
    with open(table, newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["trial"] for row in rows] == ["first", "second"]
    assert all(0.0 <= float(row["in_tune"]) <= 1.0 and float(row["nearest_db"]) > 0.0 for row in rows)
    assert rows[0]["nearest_db"] != rows[1]["nearest_db"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"corpus": "tunes"}, "corpus 'tunes'"), ({"model": {"compresion": 3}}, "did you mean 'compression'")],
)
def test_a_broken_trial_is_one_clear_line(
    change: dict, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(trials, "RUNS", tmp_path / "runs")
    path = write(tmp_path / "t.yaml", tmp_path / "tones", trial("broken") | change)
    assert main([str(path), "--table", str(tmp_path / "table.csv")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "table.csv").exists()
