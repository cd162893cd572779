"""Make a folder of recordings that are free to use: python -m training.sources NAME OUT_DIR."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.base.command_line import Parser, at_least, run_program
from training.sources.folder import ALL
from training.sources.render import SOURCES, render


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.sources", description=__doc__)
    parser.add_argument("name", choices=sorted(SOURCES), help="which recordings")
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="the folder to write")
    parser.add_argument("--force", action="store_true", help="replace recordings that are already there")
    parser.add_argument("--only", default="", metavar="SOUND", help="render this sound alone")
    parser.add_argument(
        "--most-notes", type=at_least(1), default=ALL, metavar="N", help="at most N notes of each sound"
    )
    return run_program(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder, and print what it holds and what was left out."""
    print(render(arguments.name, arguments.out, arguments.force, arguments.only, arguments.most_notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
