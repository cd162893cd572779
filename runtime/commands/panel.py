"""Serve the page of a running play (play does this by itself)."""

from __future__ import annotations

import argparse
import os
import socket

from runtime.base.command_line import at_least


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--port", metavar="N", type=at_least(1), help="port on this machine (default: 8246, or a free one)"
    )
    # `play` passes on its listening socket; the child ends when its standard input does.
    parser.add_argument("--inherited", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ring", type=int, help=argparse.SUPPRESS)  # descriptor of what is heard


def run(arguments: argparse.Namespace) -> int:
    """Serve until the playing process ends or, started by hand, until SIGINT, SIGTERM or SIGHUP; returns 0."""
    from runtime.panel.listening import listen, url_of
    from runtime.panel.serving import run as serve

    # The playing process has a real-time priority, which a child inherits; this one must never be in the way of sound.
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    if arguments.inherited is not None:
        serve(socket.socket(fileno=arguments.inherited), parent=0, ring=arguments.ring)
        return 0
    listener = listen(arguments.port)
    print(f"PANEL {url_of(listener)}", flush=True)
    serve(listener, parent=None)
    return 0
