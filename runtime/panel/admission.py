"""Reports how devices can connect and which are paired, and ends pairings."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable

import msgspec

from runtime.panel.access.devices import Device
from runtime.panel.access.pairing import Pairing
from runtime.panel.door import Connection
from runtime.panel.listening import is_on_network, network_urls, url_of
from runtime.panel.osc import OscPort
from runtime.panel.pages import Pages

_SOON_S = 2.0  # reports of OSC packets are at least this many seconds apart
ENDED = 4401  # the close code of a WebSocket whose device is no longer paired


class _End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: int


class Admission:
    """Reports how devices can connect and which are paired, and ends pairings.

    connections: returns all open connections, those of pages and those that transfer files.
    osc: the OSC port, or None.
    """

    def __init__(
        self,
        pages: Pages,
        pairing: Pairing,
        listener: socket.socket,
        say: Callable[[str], object],
        connections: Callable[[], Iterable[Connection]],
    ):
        self._pages, self._pairing, self._listener, self._say = pages, pairing, listener, say
        self._connections = connections
        self._is_on_network = is_on_network(listener)
        self.osc: OscPort | None = None
        self._soon: asyncio.TimerHandle | None = None
        if self._is_on_network:
            pages.add("paired.list", self._list)
            pages.add("paired.code", self._show_code)
            pages.add("paired.end", self._end)

    def say_where(self) -> None:
        """Tell the user the page's addresses and the pairing code, if networks can reach the page."""
        if self._is_on_network:
            self._say(f"In the network: {'  '.join(network_urls(self._listener))}")
            self.say_code(self._pairing.code)

    def say_code(self, code: str) -> None:
        """Tell the user and the playing process a pairing code."""
        self._say(f"Pairing code: {code}")
        self.tell()

    def tell_soon(self) -> None:
        """Call `tell` in 2 s, unless a call is already due."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_SOON_S, self.tell)

    def tell(self) -> None:
        """Tell the playing process the page's state, for `doctor` and `panel --code`."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if not self._pages.link.is_up:
            return
        news: dict[str, object] = {"url": url_of(self._listener)}
        if self._is_on_network:
            news |= {"network_urls": network_urls(self._listener), "code": self._pairing.code}
            news["paired"] = [device.name for device in self._pairing.devices.all()]
        if self.osc is not None:
            news["osc"] = {"taken": self.osc.n_taken, "ignored": self.osc.n_ignored}
        self._pages.link.tell("panel.tell", news)

    def _show_code(self, _connection: Connection, _params: msgspec.Raw) -> dict[str, object]:
        return {"code": self._pairing.code, "urls": network_urls(self._listener)}

    def _list(self, connection: Connection, _params: msgspec.Raw) -> list[dict[str, object]]:
        return [self._row(device, connection) for device in self._pairing.devices.all()]

    def _row(self, device: Device, asker: Connection) -> dict[str, object]:
        pages = [each for each in self._pages.connections if each.device and each.device.id == device.id]
        row = {"id": device.id, "name": device.name, "paired_s": device.paired_s, "seen_s": device.seen_s}
        return row | {"n_pages": len(pages), "is_this": asker in pages}

    def _end(self, _connection: Connection, params: msgspec.Raw) -> dict[str, object]:
        device = self._pairing.devices.end(msgspec.json.decode(params, type=_End).id)
        own = [each for each in self._connections() if each.device is not None and each.device.id == device.id]
        self._closing = [asyncio.ensure_future(each.close(ENDED)) for each in own]
        self.tell()
        return {"name": device.name}


def say(line: str) -> None:
    """Print a line; it is no error if the output is closed."""
    with contextlib.suppress(OSError, ValueError):
        print(line, flush=True)
