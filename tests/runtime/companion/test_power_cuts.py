"""A power cut during a change leaves each file either unchanged or fully changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.power_cuts import run_cuts


def test_a_power_cut_leaves_every_file_whole(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no strace: apt-get install strace")
    assert run_cuts(1000, tmp_path)["cuts"] == 1000
