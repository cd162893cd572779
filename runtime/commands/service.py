"""`service`: plays from power-on, from a copy of its own."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from runtime.base.errors import UserError
from runtime.service.install import ROOT, install, read_status, remove, status_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `service` takes to its parser."""
    parser.add_argument(
        "action",
        choices=("install", "remove", "status"),
        help="install: play from power-on, from a copy in /opt/timbrebox; remove: no longer; status: how it fares",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do `service install`, `remove` or `status`; UserError where there is no systemd or the user is not root."""
    if not Path("/run/systemd/system").is_dir():
        remedy = "run ./timbrebox play instead"
        raise UserError("service", "a machine that was not started by systemd", "systemd", remedy)
    if arguments.action == "status":
        print(status_line(read_status()))
        return 0
    if os.geteuid() != 0:
        remedy = f"type: sudo {ROOT / 'timbrebox'} service {arguments.action}"
        raise UserError(f"service {arguments.action}", "an ordinary user", "root", remedy)
    return install() if arguments.action == "install" else remove()
