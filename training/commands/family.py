"""Render the recordings that a bundled instrument learns from."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.sources.render import SOURCES, render


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recordings to render, and the folder to write."""
    parser.add_argument("name", choices=sorted(SOURCES), help="which recordings")
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="the folder to write")
    parser.add_argument("--force", action="store_true", help="replace recordings that are already there")


def run(arguments: argparse.Namespace) -> int:
    """Write the folder, and print what it holds and what was left out."""
    print(render(arguments.name, arguments.out, arguments.force))
    return 0
