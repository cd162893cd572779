"""The names and addresses that mean this page; a browser that asks under another one was led here by somebody else."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

NAME_ON_NETWORKS = "timbrebox.local"
_HERE = ("127.0.0.1", "localhost")


def is_here(address: str) -> bool:
    """Whether an address is this machine's own, which no other machine can send from."""
    return _plain(address).is_loopback


def sender(address: str) -> str:
    """Who an address belongs to: for IPv6 the first 64 bits, since one machine has all the others."""
    plain = _plain(address)
    return str(plain) if plain.version == 4 else str(ipaddress.ip_network((plain, 64), strict=False))


class OwnNames:
    """The values of the headers Host and Origin that mean this page.

    port: the page's. is_on_network: whether other machines can reach it. others: more names by which they do.

    A name that somebody else owns can be made to lead here, and his page would then have our origin; an address cannot,
    nor can a name of this machine in its own network. So an address is let in if it is the one that was connected to.
    """

    def __init__(self, port: int, is_on_network: bool = False, others: Iterable[str] = ()):
        self._port = port
        names = {*_HERE}
        if is_on_network:
            names |= {*_network_names(), *(name.lower() for name in others)}
        self._hosts = frozenset(host for name in names for host in self._with_port(name))
        self._is_on_network = is_on_network

    def is_own(self, host: str, arrived_at: str) -> bool:
        """Whether a Host means this page; arrived_at: the address of this machine that was connected to."""
        host = host.lower()
        return host in self._hosts or (self._is_on_network and host in self._with_port(_literal(arrived_at)))

    def is_own_origin(self, origin: str | None, arrived_at: str) -> bool:
        """Whether a page of ours asks; None: no browser does, since each one tells the origin of a WebSocket's page."""
        return origin is None or (origin.startswith("http://") and self.is_own(origin[7:], arrived_at))

    def _with_port(self, name: str) -> tuple[str, ...]:
        return (name, f"{name}:80") if self._port == 80 else (f"{name}:{self._port}",)


def _network_names() -> tuple[str, ...]:
    first = socket.gethostname().lower().split(".")[0]
    return first, f"{first}.local", NAME_ON_NETWORKS


def _literal(address: str) -> str:
    """An address as a URL has it."""
    plain = _plain(address)
    return str(plain) if plain.version == 4 else f"[{plain}]"


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address without its zone; IPv4 that came through a socket for both is IPv4."""
    found = ipaddress.ip_address(address.split("%")[0])
    return getattr(found, "ipv4_mapped", None) or found
