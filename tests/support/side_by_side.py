"""How tests are distributed when several processes run them, with `pytest -n`."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests that play or listen in real time. One process runs them all, so that they do not delay each other.
REAL_TIME = (
    "tests/runtime/audio/test_output.py",
    "tests/runtime/bench/",
    "tests/runtime/live/",
    "tests/runtime/midi/test_inputs.py",
    "tests/runtime/panel/",
    "tests/runtime/test_no_network.py",
    "tests/runtime/through/test_live_input.py",
)
# Files whose tests take long. They begin early, so that at the end no process still has a long file to run.
LONG = (
    "tests/house/test_readme.py",
    "tests/training/paper/",
    "tests/training/learning/",
    "tests/runtime/engine/",
)


class SideBySide(LoadScopeScheduling):
    """Gives each process all tests of one file at a time; all files in REAL_TIME together count as one file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "real time" if file.startswith(REAL_TIME) else file


def longest_first(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        places = (REAL_TIME, *LONG)
        return next((number for number, place in enumerate(places) if item.nodeid.startswith(place)), len(places))

    items.sort(key=rank)
