"""Builds the Debian packages: python -m runtime.service.debian [--architecture amd64|arm64] [--out FOLDER]."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runtime.base.command_line import run_program
from runtime.base.signals import signals_as_exceptions
from runtime.service.debian.package import MACHINES, build


def _run(arguments: argparse.Namespace) -> None:
    for architecture in arguments.architecture or MACHINES:
        with signals_as_exceptions():
            path, installed_mb = build(architecture, arguments.revision, arguments.out)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, installed {installed_mb:.0f} MB")


def main() -> int:
    """Parse the command line and build the packages; returns the exit status."""
    parser = argparse.ArgumentParser("python -m runtime.service.debian", description=__doc__)
    parser.add_argument("--architecture", action="append", choices=MACHINES, help="for which machine (default: all)")
    parser.add_argument("--revision", metavar="N", type=int, default=1, help="number of this build (default: 1)")
    parser.add_argument("--out", metavar="FOLDER", type=Path, default=Path(), help="where to (default: this folder)")
    return run_program(parser, _run)


if __name__ == "__main__":
    sys.exit(main())
