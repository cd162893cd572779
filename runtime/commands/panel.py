"""Serve the page of a running `play`; `play` does this by itself."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket

import msgspec

from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.config import PanelConfig, load_config
from runtime.service.notify import is_service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options; an option that is left out gets its value from the settings."""
    parser.add_argument("--config", metavar="FILE", help="settings (default: configs/instrument.yaml)")
    parser.add_argument(
        "--address", metavar="A", help="address to listen on; 0.0.0.0: for this machine's networks, too"
    )
    parser.add_argument("--port", metavar="N", type=at_least(1), help="port of the page (default: 8246, or a free one)")
    parser.add_argument("--osc-port", metavar="N", type=at_least(1), help="UDP port for OSC (default: none)")
    parser.add_argument("--code", action="store_true", help="show the code that pairs a device with a running page")
    # `play` starts this command with these three options, and ends it by closing the command's standard input.
    parser.add_argument("--inherited", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--settings", help=argparse.SUPPRESS)
    parser.add_argument("--ring", type=int, help=argparse.SUPPRESS)  # file descriptor of the sound ring


def run(arguments: argparse.Namespace) -> int:
    """Serve the page, or show the pairing code; returns 0.

    If `play` started this command, the page is served until `play` ends. If a user started it, the page is served
    until SIGINT, SIGTERM or SIGHUP.
    """
    if arguments.code:
        return _show_code()
    from runtime.panel.listening import listen, url_of
    from runtime.panel.serving import run as serve

    # If `play` started this process, it inherits the real-time priority of `play`. It gives that up, so that it never
    # delays the sound.
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    if arguments.inherited is not None:
        settings = msgspec.json.decode(arguments.settings, type=PanelConfig)
        serve(socket.socket(fileno=arguments.inherited), settings, parent=0, ring=arguments.ring)
        return 0
    settings = _settings(arguments)
    listener = listen(settings, "--port" if arguments.port else "panel: port")
    print(f"PANEL {url_of(listener)}", flush=True)
    serve(listener, settings, parent=None)
    return 0


def _settings(arguments: argparse.Namespace) -> PanelConfig:
    """The page's settings, changed by the options of the command.

    If the file of the settings is wrong, a service uses the defaults for all of them.
    """
    try:
        settings = load_config(arguments.config).panel
    except UserError as error:
        if not is_service():
            raise
        print(f"The settings are not used: {error}; the page is for this machine only.", flush=True)
        settings = PanelConfig()
    given = {"address": arguments.address, "port": arguments.port, "osc_port": arguments.osc_port}
    return msgspec.structs.replace(settings, **{name: value for name, value in given.items() if value is not None})


def _show_code() -> int:
    from runtime.link.client import connect

    with connect() as link:
        news = link.ask("panel")
    if news is None or news["code"] is None:
        found = "no page" if news is None else "a page for this machine only, which needs no code"
        remedy = "set panel: address: 0.0.0.0 in the settings (docs/panel.md), and start the page again"
        raise UserError("panel --code", found, "a page that networks can reach", remedy)
    print(f"Pairing code: {news['code']}")
    for url in news["network_urls"]:
        print(url)
    return 0
