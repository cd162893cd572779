"""Fixtures: a folder for the user's files, and the real program without a sound card."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.rig import LiveProgram, home_of_its_own


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's files, for the program and for this process."""
    for name, value in home_of_its_own(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def start(home: Path) -> Callable[..., LiveProgram]:
    """Starts the program without a sound card; how: keyword arguments for LiveProgram."""
    return lambda *options, **how: LiveProgram(["--audio", "null", *options], dict(os.environ), home, **how)
