"""Numbers and names of MIDI inputs: a keyboard keeps its number when it is unplugged and comes back elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from runtime.midi.rtmidi_apis import stable_name

_SOUND_CLASS = Path("/sys/class/sound")
_FIRST_CARD_CLIENT, _CLIENTS_PER_CARD = 16, 4


class Identity(NamedTuple):
    """What tells one MIDI input from another, whatever its address.

    port: its name without addresses. order: 1, or for equal inputs 2 and up, in the order in which they came.
    socket: the USB socket where it was last, by which equal inputs are told apart; empty if unknown.
    """

    port: str
    order: int = 1
    socket: str = ""


class DeviceTable:
    """The number of each MIDI input, from 0, and its identity.

    known: identities from earlier runs, which get their numbers when they come. An input gets the identity of its name
    at its own socket; else the first one of its name that is not here; else a new one. So a single keyboard is known at
    any socket, and equal keyboards stay apart while each stays at its socket.
    """

    def __init__(self, known: Iterable[Identity] = ()):
        self._known = list(known)
        self._numbers: list[int] = []  # for each device number, the place of its identity in `_known`
        self._here: dict[str, int] = {}  # device numbers by rtmidi's name of the port

    def arrive(self, ports: Sequence[str], sockets: Sequence[str] | None = None) -> dict[str, int]:
        """Give numbers to ports that have come, rtmidi's names in its order; returns the number of each.

        sockets: the USB socket of each port, as `usb_socket` finds it.
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
        # Of equal ones that are away, the one with the lowest order comes back first.
        place = min(free, key=lambda i: self._known[i].order)
        self._known[place] = self._known[place]._replace(socket=socket)
        if place not in self._numbers:
            self._numbers.append(place)
        self._here[port] = self._numbers.index(place)

    def keep_only(self, ports: Collection[str]) -> None:
        """Take note that all ports but these have gone; their identities and numbers stay."""
        self._here = {port: number for port, number in self._here.items() if port in ports}

    def identity(self, number: int) -> Identity:
        """The identity of a device number that `arrive` gave."""
        return self._known[self._numbers[number]]

    @property
    def here(self) -> dict[int, Identity]:
        """The identities of the inputs that are here, by device number."""
        return {number: self.identity(number) for number in sorted(self._here.values())}


def identity_name(port: str) -> str:
    """A port's name without ALSA's address, also where the JACK bridge a2j writes its client's number: `Keys [20]`."""
    return re.sub(r" \[\d+\](?= \((?:capture|playback)\))", "", stable_name(port))


def usb_socket(port: str, sound_class: Path = _SOUND_CLASS) -> str:
    """The USB socket of an ALSA port, such as `1-1.2`; empty for any other port.

    Source: Linux, sound/core/seq/seq_clientmgr.c: card n has the sequencer's clients from 16 + 4 n on.
    """
    client = _address(port)[0] - _FIRST_CARD_CLIENT
    if client < 0:
        return ""
    device = (sound_class / f"card{client // _CLIENTS_PER_CARD}" / "device").resolve()
    match = re.fullmatch(r"(\d+-[\d.]+)(?::[\d.]+)?", device.name)
    return match[1] if match else ""


def _address(port: str) -> tuple[int, int, str]:
    """ALSA's client and port number for sorting, then the whole name; -1 where there is no address."""
    match = re.search(r"\s(\d+):(\d+)$", port)
    return (int(match[1]), int(match[2]), port) if match else (-1, -1, port)
