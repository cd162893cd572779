"""Play from power-on: service install, remove or status."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from runtime.base.errors import UserError
from runtime.service.install import ROOT, install, read_status, remove, status_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the action."""
    parser.add_argument(
        "action",
        choices=("install", "remove", "status"),
        help="install: copy to /opt/timbrebox, and play from power-on; remove: undo that; status: show its state",
    )


def run(arguments: argparse.Namespace) -> int:
    """Install, remove or report; UserError without systemd, or without root's rights where they are needed."""
    if not Path("/run/systemd/system").is_dir():
        remedy = "run ./timbrebox play instead"
        raise UserError("service", "a machine that systemd did not start", "systemd", remedy)
    if arguments.action == "status":
        print(status_line(read_status()))
        return 0
    if os.geteuid() != 0:
        remedy = f"type: sudo {ROOT / 'timbrebox'} service {arguments.action}"
        raise UserError(f"service {arguments.action}", "an ordinary user", "root", remedy)
    return install() if arguments.action == "install" else remove()
