"""Briefly runs the programs that unplug keyboards and kill sound servers, and checks the times that they measure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.soak.replug import gaps, run_cycles
from tests.soak.server_deaths import run_deaths
from tests.support.rig import JackServer, missing_tools

pytestmark = pytest.mark.rig
# The longest times allowed. An idle machine needs about a tenth of each. A program that waits for a poll or a timeout
# needs longer than these times, so the test finds it.
RELEASED_S, HEARD_S, BACK_S = 0.4, 0.4, 6.0


@pytest.fixture(autouse=True)
def needs_the_rig() -> None:
    if missing_tools():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing_tools())


def test_a_keyboard_is_let_go_of_and_heard_again_whatever_the_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with JackServer(tmp_path / "jackd.log") as server:
        for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER"):
            monkeypatch.setenv(name, server.env[name])
        cycles, _ = run_cycles(gaps(6), server, tmp_path)
    assert all(each.is_silent for each in cycles), cycles
    assert max(each.released_s for each in cycles) < RELEASED_S, cycles
    assert max(each.heard_s for each in cycles) < HEARD_S, cycles


def test_it_sounds_again_soon_after_the_sound_server_is_back(tmp_path: Path) -> None:
    deaths = run_deaths(2, tmp_path)
    assert max(death.back_s for death in deaths) < BACK_S, deaths
