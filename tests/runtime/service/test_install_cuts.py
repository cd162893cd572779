"""After a power cut during an installation, the version that plays is whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.install_cuts import run_cuts


def test_after_a_power_cut_a_whole_version_plays(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no strace: apt-get install strace")
    assert run_cuts(200, tmp_path)["cuts"] == 200
