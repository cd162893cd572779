"""Numbers and identities of MIDI inputs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from runtime.midi.rtmidi_apis import stable_name

_SOUND_CLASS = Path("/sys/class/sound")
_FIRST_CARD_CLIENT, _CLIENTS_PER_CARD = 16, 4


class Identity(NamedTuple):
    """What distinguishes one MIDI input from another.

    port: the input's name, without addresses.
    order: the input's number among inputs with this name, from 1, in the order of arrival.
    socket: the USB socket that the input was in most recently; empty if unknown.
    """

    port: str
    order: int = 1
    socket: str = ""


class DeviceTable:
    """The number of each MIDI input, from 0, and its identity.

    known: identities from earlier runs.

    A known identity is free while no present input has it. An input that arrives gets the free identity with its name
    and socket. If there is no such identity, the input gets the first free identity with its name. If no free identity
    has its name, the input gets a new identity. So a single keyboard is recognised at any socket, and equal keyboards
    are distinguished while each keeps its socket.
    """

    def __init__(self, known: Iterable[Identity] = ()):
        self._known = list(known)
        self._numbers: list[int] = []  # for each device number, the index of its identity in `_known`
        self._here: dict[str, int] = {}  # the device number of each present port, by rtmidi's name of the port

    def arrive(self, ports: Sequence[str], sockets: Sequence[str] | None = None) -> dict[str, int]:
        """Give numbers to ports that have arrived; returns the number of each port.

        ports: rtmidi's names.
        sockets: the USB socket of each port; None to call `usb_socket`.
        """
        new = [port for port in ports if port not in self._here]
        places = dict(zip(ports, sockets, strict=True)) if sockets else {port: usb_socket(port) for port in new}
        for exact in (True, False):
            for port, socket in sorted(places.items(), key=lambda item: _address(item[0])):
                if port not in self._here and (not exact or socket):
                    self._settle(port, socket, exact)
        return {port: self._here[port] for port in ports}

    def _settle(self, port: str, socket: str, exact: bool) -> None:
        name = identity_name(port)
        here = {self._numbers[number] for number in self._here.values()}
        free = [i for i, each in enumerate(self._known) if each.port == name and i not in here]
        if exact:
            free = [i for i in free if self._known[i].socket == socket]
            if not free:
                return
        elif not free:
            orders = {each.order for each in self._known if each.port == name}
            order = next(order for order in range(1, len(orders) + 2) if order not in orders)
            free = [len(self._known)]
            self._known.append(Identity(name, order))
        # Of the free identities that fit, choose the one with the lowest `order`.
        place = min(free, key=lambda i: self._known[i].order)
        self._known[place] = self._known[place]._replace(socket=socket)
        if place not in self._numbers:
            self._numbers.append(place)
        self._here[port] = self._numbers.index(place)

    def keep_only(self, ports: Collection[str]) -> None:
        """Mark all ports except `ports` as gone; the table keeps their identities and numbers."""
        self._here = {port: number for port, number in self._here.items() if port in ports}

    def identity(self, number: int) -> Identity:
        """The identity for a device number."""
        return self._known[self._numbers[number]]

    @property
    def here(self) -> dict[int, Identity]:
        """The present inputs, by device number."""
        return {number: self.identity(number) for number in sorted(self._here.values())}


def identity_name(port: str) -> str:
    """A port's name without ALSA's address, and without the number that JACK's bridge a2j adds, such as [20]."""
    return re.sub(r" \[\d+\](?= \((?:capture|playback)\))", "", stable_name(port))


def usb_socket(port: str, sound_class: Path = _SOUND_CLASS) -> str:
    """The USB socket of an ALSA port, such as `1-1.2`; empty if the port has none.

    Source: Linux, sound/core/seq/seq_clientmgr.c (card n has the sequencer's clients 16 + 4 n to 19 + 4 n).
    """
    client = _address(port)[0] - _FIRST_CARD_CLIENT
    if client < 0:
        return ""
    device = (sound_class / f"card{client // _CLIENTS_PER_CARD}" / "device").resolve()
    match = re.fullmatch(r"(\d+-[\d.]+)(?::[\d.]+)?", device.name)
    return match[1] if match else ""


def _address(port: str) -> tuple[int, int, str]:
    """A key to sort ports by: ALSA's client number and port number (-1, -1 if the name has none), then the name."""
    match = re.search(r"\s(\d+):(\d+)$", port)
    return (int(match[1]), int(match[2]), port) if match else (-1, -1, port)
