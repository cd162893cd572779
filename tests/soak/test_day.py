"""A few seconds of the simulated day are played, and errors in it are noticed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.events import NoteOn
from tests.soak import day
from tests.soak.fuzz_midi import ENDINGS, TINY, BrokenError


@pytest.fixture(autouse=True)
def is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day, "PLAYED_S", 3.0)
    monkeypatch.setattr(day, "REST_S", 3.0)
    monkeypatch.setattr(day, "EVENTS_A_SECOND", (20.0,))


def test_a_short_day_is_played_and_reported(tmp_path: Path) -> None:
    report = tmp_path / "day.json"
    assert day.main(["--hours", "0.003", "--seed", "3", "--json", str(report)]) == 0
    figures = json.loads(report.read_text())
    assert figures["notes"] > 3
    assert figures["checks"] == 2  # two spells, each of 3 s of playing and 3 s of rest


def test_a_note_that_does_not_end_and_a_bad_sample_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day, "LONGEST_RELEASE_S", 1.0)
    played = day.Day(str(TINY), 0)
    with monkeypatch.context() as patched:
        patched.setattr(day, "ENDINGS", {name: [NoteOn(0, 60, 100)] for name in ENDINGS})
        with pytest.raises(BrokenError, match="1 notes sound after"):
            played._check_stuck()
    monkeypatch.setattr(played.rack, "render", lambda out: out.fill(np.nan))
    with pytest.raises(BrokenError, match="nan"):
        played._render()
