"""Knows the host names of the panel's page.

A request for any other host name may come from a stranger's page, whose name the stranger has pointed at this machine.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

NAME_ON_NETWORKS = "timbrebox.local"
_HERE = ("127.0.0.1", "localhost")


def is_here(address: str) -> bool:
    """Whether an address is a loopback address: only this machine can send from it."""
    return _plain(address).is_loopback


def sender(address: str) -> str:
    """The sender that an address stands for: an IPv4 address itself, or an IPv6 address's /64 network.

    One machine can use all addresses of a /64 network.
    """
    plain = _plain(address)
    return str(plain) if plain.version == 4 else str(ipaddress.ip_network((plain, 64), strict=False))


class OwnNames:
    """Checks whether the headers Host and Origin name this page.

    A stranger can point a name of his own at this machine. To a browser, his page and ours then have one origin (DNS
    rebinding). He cannot do this with an address, so the address to which the browser connected is accepted, too.

    is_on_network: whether other machines can reach the page.
    others: further names of the page.
    """

    def __init__(self, port: int, is_on_network: bool = False, others: Iterable[str] = ()):
        self._port = port
        names = {*_HERE}
        if is_on_network:
            names |= {*_network_names(), *(name.lower() for name in others)}
        self._hosts = frozenset(host for name in names for host in self._with_port(name))
        self._is_on_network = is_on_network

    def is_own(self, host: str, arrived_at: str) -> bool:
        """Whether a Host header names this page.

        arrived_at: this machine's address, to which the browser connected.
        """
        host = host.lower()
        return host in self._hosts or (self._is_on_network and host in self._with_port(_literal(arrived_at)))

    def is_own_origin(self, origin: str | None, arrived_at: str) -> bool:
        """Whether an Origin header names this page, or is missing.

        Browsers always send it when they open a WebSocket, so a sender without it is no browser.
        """
        return origin is None or (origin.startswith("http://") and self.is_own(origin[7:], arrived_at))

    def _with_port(self, name: str) -> tuple[str, ...]:
        return (name, f"{name}:80") if self._port == 80 else (f"{name}:{self._port}",)


def _network_names() -> tuple[str, ...]:
    first = socket.gethostname().lower().split(".")[0]
    return first, f"{first}.local", NAME_ON_NETWORKS


def _literal(address: str) -> str:
    plain = _plain(address)
    return str(plain) if plain.version == 4 else f"[{plain}]"


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parse an address, without its zone (%eth0); an IPv4 address that is written as IPv6 becomes IPv4."""
    found = ipaddress.ip_address(address.split("%")[0])
    return getattr(found, "ipv4_mapped", None) or found
