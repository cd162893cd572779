"""Serves the page's files and its WebSockets."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket

from websockets.asyncio.server import serve

from runtime.base.errors import UserError
from runtime.base.user_folders import state_folder
from runtime.config import PanelConfig
from runtime.panel.access.devices import Devices
from runtime.panel.access.names import OwnNames
from runtime.panel.access.pairing import Pairing
from runtime.panel.admission import Admission, say
from runtime.panel.door import Connection, Door
from runtime.panel.files import downloads, files
from runtime.panel.limits import LONGEST_MESSAGE_BYTES
from runtime.panel.listening import checked_address, is_on_network, url_of
from runtime.panel.osc import OscPort, listen_for_osc
from runtime.panel.pages import Pages
from runtime.service.notify import notify

DEVICES_FILE = "panel-devices.json"
_OPEN_LIMIT_S, _PING_S, _PONG_LIMIT_S = 5.0, 5.0, 10.0
_LIMITS = {"max_size": LONGEST_MESSAGE_BYTES, "max_queue": 16, "compression": None, "server_header": None}
_TIMES = {"open_timeout": _OPEN_LIMIT_S, "ping_interval": _PING_S, "ping_timeout": _PONG_LIMIT_S, "close_timeout": 1.0}


def run(listener: socket.socket, settings: PanelConfig, parent: int | None, ring: int | None = None) -> None:
    """Serve the page on the socket `listener`.

    settings: the page's names in the network, and where to listen for OSC.
    parent: descriptor of a pipe that closes when the playing process ends; None to serve until SIGINT, SIGTERM or
        SIGHUP.
    ring: descriptor of a SoundRing with the output's sound, or None.
    """
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # a stranger's bad request must not be logged
    asyncio.run(_serve(listener, settings, parent, ring))


async def _serve(listener: socket.socket, settings: PanelConfig, parent: int | None, ring: int | None) -> None:
    ends = asyncio.Event()
    _end_with(ends, parent)
    is_open, port = is_on_network(listener), listener.getsockname()[1]
    pages = Pages({"is_on_network": is_open}, lambda: admission.tell(), ring)
    pairing = Pairing(Devices(state_folder() / DEVICES_FILE, say), lambda code: admission.say_code(code))
    taking = files.Files(pages.link.ask)
    admission = Admission(pages, pairing, listener, say, lambda: (*pages.connections, *taking.connections))
    door = Door(OwnNames(port, is_open, settings.names), pairing, lambda: pages.n_pages, port)
    door.add_socket(files.SOCKET_PATH)
    door.add_folder(downloads.PREFIX, taking.downloads.answer)

    async def serve_one(connection: Connection) -> None:
        is_for_files = connection.request.path.split("?")[0] == files.SOCKET_PATH
        await (taking if is_for_files else pages).serve(connection)

    async with serve(
        serve_one, sock=listener, process_request=door.answer, create_connection=Connection, **_LIMITS, **_TIMES
    ) as server:
        admission.osc = await _osc(pages, settings, admission)
        admission.say_where()
        if parent is None:
            notify(READY=1, STATUS=f"the page is at {url_of(listener)}")
        speaks = asyncio.create_task(pages.link.run())
        await ends.wait()
        speaks.cancel()
        taking.close()
        server.close(code=1001)


async def _osc(pages: Pages, settings: PanelConfig, admission: Admission) -> OscPort | None:
    """Listen for OSC, and return the OscPort; None if the settings have no port for OSC, or if listening fails."""
    if settings.osc_port is None:
        return None
    osc = OscPort(pages.link, pages.keys, pages.allowance, admission.tell_soon)
    try:
        address = checked_address(settings.osc_address, "panel: osc_address")
        await listen_for_osc(address, settings.osc_port, lambda: osc)
    except UserError as error:
        say(f"No OSC: {error}")
        return None
    say(f"OSC: UDP port {settings.osc_port} of {address}")
    return osc


def _end_with(ends: asyncio.Event, parent: int | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if parent is None:
            loop.add_signal_handler(number, ends.set)
        elif number != signal.SIGTERM:
            # Ignored here: a terminal also sends these signals to the playing process, which then ends this process.
            signal.signal(number, signal.SIG_IGN)
    if parent is not None:
        os.set_blocking(parent, False)
        loop.add_reader(parent, lambda: _has_ended(parent) and ends.set())


def _has_ended(descriptor: int) -> bool:
    try:
        return os.read(descriptor, 4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
