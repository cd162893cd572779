"""Keeps what the page's process reports for `doctor`."""

from __future__ import annotations

from typing import Annotated

import msgspec

from runtime.link.connection import Connection
from runtime.link.messages import NoParams
from runtime.link.server import Caller, Server

Text = Annotated[str, msgspec.Meta(max_length=200)]
Texts = Annotated[tuple[Text, ...], msgspec.Meta(max_length=64)]


class OscNews(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many OSC packets have arrived.

    taken: number of accepted packets.
    ignored: number of packets that came too fast or were not understood.
    """

    taken: int
    ignored: int


class PanelNews(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page's process reports.

    url: the page's address on this machine.
    network_urls: the page's addresses for other machines; empty if they cannot reach the page.
    code: the code that pairs a device; None if no code is needed.
    paired: names of the paired devices.
    osc: what arrived over OSC; None if OSC is not used.
    """

    url: Text
    network_urls: Texts = ()
    code: Text | None = None
    paired: Texts = ()
    osc: OscNews | None = None


class PanelNotes:
    """Keeps the newest report of the page's process, until that process disconnects."""

    def __init__(self) -> None:
        self._said: PanelNews | None = None
        self._by: Connection | None = None

    def add_requests(self, server: Server) -> None:
        """Let a server answer `panel.tell`, which brings a report, and `panel`, which asks for the newest report."""
        server.add("panel.tell", PanelNews, self._tell)
        server.add("panel", NoParams, lambda _params, _caller: self._said and msgspec.to_builtins(self._said))
        server.on_gone(self._forget)

    def _tell(self, news: PanelNews, caller: Caller) -> dict[str, object]:
        self._said, self._by = news, caller.connection
        return {}

    def _forget(self, connection: Connection) -> None:
        if connection is self._by:
            self._said = self._by = None
