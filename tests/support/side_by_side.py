"""How the tests are shared out when several processes run them, with `pytest -n`."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests that play or listen in real time, and mostly wait. One process runs them all, so that no two of them are late
# because of each other, and the other processes compute meanwhile.
REAL_TIME = (
    "tests/runtime/audio/test_output.py",
    "tests/runtime/bench/",
    "tests/runtime/live/",
    "tests/runtime/midi/test_inputs.py",
    "tests/runtime/panel/",
    "tests/runtime/test_no_network.py",
    "tests/runtime/through/test_live_input.py",
)
# Files that take long. They begin first: one that began last would keep a single process busy at the end.
LONG = (
    "tests/house/test_readme.py",
    "tests/training/paper/",
    "tests/training/learning/",
    "tests/runtime/engine/",
)


class SideBySide(LoadScopeScheduling):
    """Gives each process a file at a time, so that the fixtures of a module are made once; REAL_TIME is one file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "real time" if file.startswith(REAL_TIME) else file


def longest_first(items: list[pytest.Item]) -> None:
    """Put the tests of REAL_TIME first, then those of LONG in its order, then the others, as they were found."""

    def rank(item: pytest.Item) -> int:
        places = (REAL_TIME, *LONG)
        return next((number for number, place in enumerate(places) if item.nodeid.startswith(place)), len(places))

    items.sort(key=rank)
