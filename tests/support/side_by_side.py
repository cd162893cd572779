"""How tests are distributed when several processes run them, with `pytest -n`."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests that play or listen in real time. A single process runs them all, so that they do not make each other late.
REAL_TIME = (
    "tests/runtime/audio/test_output.py",
    "tests/runtime/bench/",
    "tests/runtime/live/",
    "tests/runtime/midi/test_inputs.py",
    "tests/runtime/panel/",
    "tests/runtime/test_no_network.py",
    "tests/runtime/through/test_live_input.py",
)
# Long files begin early: at the end, one would keep one process busy while the others wait.
LONG = (
    "tests/house/test_readme.py",
    "tests/training/paper/",
    "tests/training/learning/",
    "tests/runtime/engine/",
)


class SideBySide(LoadScopeScheduling):
    """Gives each process one file at a time, so that a module's fixtures are made once; REAL_TIME counts as one file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "real time" if file.startswith(REAL_TIME) else file


def longest_first(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        places = (REAL_TIME, *LONG)
        return next((number for number, place in enumerate(places) if item.nodeid.startswith(place)), len(places))

    items.sort(key=rank)
