"""Play from power-on: service install, update, status, uninstall."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.service.install import install, uninstall, update
from runtime.service.places import ROOT
from runtime.service.status import read_status, status_lines
from runtime.service.system import is_booted

READY_WITHIN_S = 60  # less than the 90 s that systemd allows for a start: TimeoutStartSec in timbrebox.service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the action and its options."""
    parser.add_argument(
        "action",
        choices=("install", "update", "status", "uninstall", "remove"),
        help="install: copy to /opt/timbrebox, and play from power-on; update: play the version in SOURCE instead; "
        "status: show its state; uninstall, remove: undo install",
    )
    parser.add_argument("source", nargs="?", type=Path, help="update: a checkout, or a .tar.gz of one")
    parser.add_argument("--purge", action="store_true", help="uninstall: delete settings, sounds and recordings, too")
    parser.add_argument(
        "--within",
        metavar="SECONDS",
        type=at_least(1),
        default=READY_WITHIN_S,
        help=f"time to become ready, before the old version plays again (default: {READY_WITHIN_S})",
    )
    parser.add_argument("--anyway", action="store_true", help="install onto a disk that seems to forget, too")
    parser.add_argument("--no-start", action="store_true", help="install for the next start, where no systemd runs")


def run(arguments: argparse.Namespace) -> int:
    """Do the action; UserError without systemd, or without root's rights where they are needed."""
    action = arguments.action
    if not is_booted() and not (action in ("install", "uninstall") and arguments.no_start):
        remedy = "run ./timbrebox play instead"
        raise UserError("service", "a machine that systemd did not start", "systemd", remedy)
    if (action == "update") != (arguments.source is not None):
        found = "no source" if action == "update" else f"{arguments.source}"
        remedy = "type: sudo ./timbrebox service update SOURCE"
        raise UserError(f"service {action}", found, "a checkout or a .tar.gz, for update alone", remedy)
    if action == "status":
        print(*status_lines(read_status()), sep="\n")
        return 0
    if os.geteuid() != 0:
        remedy = f"type: sudo {ROOT / 'timbrebox'} service {action}"
        raise UserError(f"service {action}", "an ordinary user", "root", remedy)
    if action == "install":
        return install(arguments.within, anyway=arguments.anyway)
    if action == "update":
        return update(arguments.source, arguments.within, anyway=arguments.anyway)
    return uninstall(purge=arguments.purge)
