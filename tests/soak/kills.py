"""Kills the companion while it saves, 1000 or N times: python -m tests.soak.kills [N].

The companion is the process that writes files for `play`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.support.kills import run_kills
from tests.support.rig import home_of_its_own


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(home_of_its_own(Path(home)))
        print(run_kills(int(arguments[0]) if arguments else 1000))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
