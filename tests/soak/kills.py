"""Kills a thousand companions while they save sounds and the state: python -m tests.soak.kills [N].

A companion is the process that writes files for `play`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.support.kills import run_kills
from tests.support.rig import home_of_its_own


def main(arguments: list[str]) -> int:
    """Kill the companions, and print how many kills there were, and how many left a half-written file."""
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(home_of_its_own(Path(home)))
        print(run_kills(int(arguments[0]) if arguments else 1000))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
