"""A kill at any moment of a change leaves every file whole: as it was before the change, or as it is after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kills import run_kills
from tests.support.rig import home_of_its_own


def test_a_kill_leaves_every_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in home_of_its_own(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert run_kills(12)["kills"] == 12
