"""The state file of an older Timbrebox is read; that of a newer Timbrebox is refused and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.companion import state
from runtime.companion.state import MIGRATIONS, State, put_state_aside, read_state, state_path, write_state


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))


def test_an_older_state_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    write_state(State("tiny", "", {"level_db": -3.0}))
    monkeypatch.setattr(state, "STATE_VERSION", 3)
    monkeypatch.setitem(MIGRATIONS, 1, lambda tree: tree | {"sound": tree["sound"] | {"pan": 0.5}})
    monkeypatch.setitem(MIGRATIONS, 2, lambda tree: tree | {"instrument": tree["instrument"].upper()})
    found = read_state()
    assert (found.instrument, found.sound, found.state_version) == ("TINY", {"level_db": -3.0, "pan": 0.5}, 3)


def test_every_older_version_has_a_migration() -> None:
    assert sorted(MIGRATIONS) == list(range(1, state.STATE_VERSION))


def test_a_newer_state_is_refused_and_kept_apart_from_broken_ones() -> None:
    newer = json.dumps({"state_version": state.STATE_VERSION + 1, "instrument": ["of", "another", "shape"]})
    state_path().write_text(newer)
    with pytest.raises(UserError, match="of a newer Timbrebox"):
        read_state()
    assert put_state_aside().name == "state.newer.json"
    state_path().write_text("broken")
    assert put_state_aside().name == "state.aside.json"
    assert state_path().with_name("state.newer.json").read_text() == newer
