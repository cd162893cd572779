"""Play from power-on: install, update, trust, status, uninstall."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.service.install import install, uninstall, update
from runtime.service.places import ROOT, SIGNERS, UNITS, UPDATE
from runtime.service.status import read_status, status_lines
from runtime.service.system import call, is_booted
from runtime.service.updating.installing import install_arrived, update_signed
from runtime.service.updating.signed import is_signed
from runtime.service.updating.signers import trust

READY_WITHIN_S = 60  # less than the 90 s that systemd allows for a start: TimeoutStartSec in timbrebox.service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the action and its options."""
    parser.add_argument(
        "action",
        choices=("install", "update", "trust", "status", "uninstall", "remove"),
        help="install: copy to /opt/timbrebox, and play from power-on; update: play the version in SOURCE instead; "
        "trust: let the page take updates that the key SOURCE signed; status: show its state; uninstall, remove: undo "
        "install",
    )
    parser.add_argument(
        "source",
        nargs="?",
        type=Path,
        help="update: a checkout, a .tar.gz of one, or a signed .update; trust: an OpenSSH public key",
    )
    parser.add_argument("--uploaded", action="store_true", help="update: take what the page has received")
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
    """Do the action.

    UserError if systemd does not run and is needed: only `install` and `uninstall` with --no-start do without it.
    UserError if the user is not root, except for `status`.
    """
    action = arguments.action
    if not is_booted() and not (action in ("install", "uninstall", "remove") and arguments.no_start):
        remedy = "run ./timbrebox play instead"
        raise UserError("service", "a machine that systemd did not start", "systemd", remedy)
    _refuse_source(arguments)
    if action == "status":
        print(*status_lines(read_status()), sep="\n")
        return 0
    if os.geteuid() != 0:
        remedy = f"type: sudo {ROOT / 'timbrebox'} service {action}"
        raise UserError(f"service {action}", "an ordinary user", "root", remedy)
    if action == "install":
        return install(arguments.within, anyway=arguments.anyway)
    if action == "update":
        return _update(arguments)
    if action == "trust":
        return _trust(arguments.source)
    return uninstall(purge=arguments.purge)


def _refuse_source(arguments: argparse.Namespace) -> None:
    action = arguments.action
    if (action in ("update", "trust") and not arguments.uploaded) != (arguments.source is not None):
        found = "no source" if arguments.source is None else f"{arguments.source}"
        expected = "a public key" if action == "trust" else "a checkout, a .tar.gz or a .update, for update alone"
        remedy = f"type: sudo ./timbrebox service {'trust KEY.pub' if action == 'trust' else 'update SOURCE'}"
        raise UserError(f"service {action}", found, expected, remedy)


def _update(arguments: argparse.Namespace) -> int:
    if arguments.uploaded:
        return install_arrived(arguments.within)
    does = update_signed if is_signed(arguments.source) else update
    return does(arguments.source, arguments.within, anyway=arguments.anyway)


def _trust(key: Path) -> int:
    print(f"The page takes updates that are signed by {trust(key, SIGNERS)}.")
    print(f"All that it takes are in {SIGNERS}; to take none any more: sudo rm {SIGNERS}")
    waits = f"{UPDATE}.path"
    if (UNITS / waits).exists():
        call("systemctl", "restart", waits)
    return 0
