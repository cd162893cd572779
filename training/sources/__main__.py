"""Make a folder of recordings that are free to use: python -m training.sources NAME OUT_DIR."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.base.command_line import Parser, run_program
from training.sources.render import SOURCES, render


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.sources", description=__doc__)
    parser.add_argument("name", choices=sorted(SOURCES), help="which recordings")
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="the folder to write")
    parser.add_argument("--force", action="store_true", help="replace recordings that are already there")
    return run_program(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder, and print what it holds and what was left out."""
    print(render(arguments.name, arguments.out, arguments.force))
    return 0


if __name__ == "__main__":
    sys.exit(main())
