"""Opens the page's listening socket, and gives the page's URLs."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from contextlib import suppress

from runtime.base.errors import UserError
from runtime.config import PanelConfig
from runtime.panel.access.names import is_here

DEFAULT_PORT = 8246
_BACKLOG = 64
_UNSENT_BYTES = 128 * 2**10  # the system's send buffer of a connection; without a limit it would hold some megabytes
_SIOCGIFADDR = 0x8915
_INTERFACES = "/sys/class/net"


def listen(settings: PanelConfig, where: str = "panel: port") -> socket.socket:
    """Return a socket that listens for browsers.

    Without a port in the settings, DEFAULT_PORT is used. If another program has that port, and the address is a
    loopback address, any free port is used.

    settings: address and port.
    where: name of the port's setting in an error message.
    UserError if the address or the port cannot be used.
    """
    address, port = checked_address(settings.address, "panel: address"), settings.port
    try:
        return _listening(address, DEFAULT_PORT if port is None else port)
    except OSError as error:
        if port is not None or not is_here(address):
            found = f"{port or DEFAULT_PORT} on {address} ({error.strerror})"
            remedy = "close the program that has it, or choose another port"
            raise UserError(where, found, "a free port of an address of this machine", remedy) from None
    try:
        return _listening(address, 0)
    except OSError as error:
        raise UserError("the page", str(error), "a free port on this machine", "play with --no-panel") from None


def checked_address(address: str, where: str) -> str:
    """Return an IP address in its standard form; UserError if `address` is no IP address.

    where: name of the address's setting in an error message.
    """
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        expected = "an IP address, such as 127.0.0.1, or 0.0.0.0 for all networks"
        raise UserError(where, repr(address[:100]), expected, "write it in numbers") from None


def is_on_network(listener: socket.socket) -> bool:
    return not is_here(listener.getsockname()[0])


def url_of(listener: socket.socket) -> str:
    """The page's URL for a browser on this machine."""
    address, port = listener.getsockname()[:2]
    found = ipaddress.ip_address(address)
    if found.is_unspecified:
        address = "127.0.0.1"
    return f"http://{address if ipaddress.ip_address(address).version == 4 else f'[{address}]'}:{port}/"


def network_urls(listener: socket.socket) -> list[str]:
    """The page's URLs for other machines, by name and by IPv4 address; empty if no other machine can reach it."""
    if not is_on_network(listener):
        return []
    address, port = listener.getsockname()[:2]
    names = [f"{socket.gethostname().split('.')[0]}.local"]
    numbers = _own_numbers() if ipaddress.ip_address(address).is_unspecified else [address]
    return [f"http://{host}:{port}/" for host in (*names, *numbers) if ":" not in host]


def _own_numbers() -> list[str]:
    """On Linux, one IPv4 address of each network interface, but no loopback address; on other systems, nothing.

    Source: netdevice(7), SIOCGIFADDR.
    """
    found = []
    with suppress(OSError, ImportError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        import fcntl

        for name in sorted(os.listdir(_INTERFACES)):
            with suppress(OSError):
                said = fcntl.ioctl(asks.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                found.append(socket.inet_ntoa(said[20:24]))
    return [number for number in found if not is_here(number)]


def _listening(address: str, port: int) -> socket.socket:
    is_4 = ipaddress.ip_address(address).version == 4
    listener = socket.socket(socket.AF_INET if is_4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)
        if not is_4:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
