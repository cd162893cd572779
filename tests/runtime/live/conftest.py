"""Fixtures: a folder for the user's files, and the real program without a sound card."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.rig import LiveProgram, home_of_its_own


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new folder, in which the program and this process look for the user's files."""
    for name, value in home_of_its_own(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def start(home: Path) -> Callable[..., LiveProgram]:
    """A function that makes a LiveProgram without a sound card, from the program's options.

    It passes keyword arguments on to LiveProgram.
    """
    return lambda *options, **how: LiveProgram(["--audio", "null", *options], dict(os.environ), home, **how)
