"""OSC (Open Sound Control): lets other programs and pads move targets and play notes, over UDP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

import msgspec
from pythonosc.osc_message import OscMessage

from runtime.base.errors import UserError
from runtime.control.targets import ACTIONS, RANGES
from runtime.panel.limits import Allowance
from runtime.panel.playing.held import HeldKeys, Played
from runtime.panel.playing.play_link import PlayLink
from runtime.sound.motion import LATENT

ROOT = "/timbrebox"
LARGEST_BYTES = 16 * 2**10
MOST_MESSAGES = 64  # the most messages in one packet
_DEEPEST = 4  # the most bundles around one message, each within the next
# Few requests for actions, sounds and instruments are allowed, because some of them write files: at most _RARE_RATE a
# second, and _RARE_BURST at once after a pause.
_RARE_RATE, _RARE_BURST = 5.0, 20.0
_PANIC: dict[str, object] = {"name": "panic"}
_BUNDLE, _BUNDLE_HEAD_BYTES = b"#bundle\0", 16  # a bundle begins with this name and a time, which is ignored


class NotUnderstoodError(Exception):
    """A packet that is not OSC, contains an unknown request, or exceeds a limit."""


class OscPort(asyncio.DatagramProtocol):
    """Passes the requests in OSC packets on to the playing process.

    keys: the keys that pages and OSC hold.
    allowance: limits the messages; packets beyond it are dropped, because UDP cannot slow a sender down.
    changed: called after each packet, when n_taken or n_ignored has changed.
    n_taken: how many packets were accepted.
    n_ignored: how many packets were ignored.
    """

    def __init__(self, link: PlayLink, keys: HeldKeys, allowance: Allowance, changed: Callable[[], object]):
        # Without this filter, python-osc would log a line for each malformed packet.
        logging.getLogger().addFilter(lambda _record: False)
        self._link, self._keys, self._allowance, self._changed = link, keys, allowance, changed
        self._rare = Allowance(_RARE_RATE, _RARE_BURST)
        self.n_taken = self.n_ignored = 0

    def datagram_received(self, data: bytes, _address: object) -> None:
        """Handle a packet; called by asyncio."""
        try:
            if self._allowance.try_take() > 0.0:
                raise NotUnderstoodError
            messages = [read_message(part) for part in messages_of(data)]
            for _ in messages[1:]:
                self._allowance.take()
            for address, values in messages:
                self._do(address, values)
        except (NotUnderstoodError, UserError, msgspec.MsgspecError):
            self.n_ignored += 1
        else:
            self.n_taken += 1
        self._changed()

    def _do(self, address: str, values: list[object]) -> None:
        if not address.startswith(f"{ROOT}/"):
            raise NotUnderstoodError
        kind, _, rest = address.removeprefix(f"{ROOT}/").partition("/")
        if kind == "note" and not rest:
            self._keys.play(self, _played(values))
            return
        method, params = request_of(kind, rest, values)
        if method == "action" and values and not values[0]:
            return  # a pad sends 0 when it is released; a release starts no action
        if method != "move" and params != _PANIC and self._rare.try_take() > 0.0:
            raise NotUnderstoodError
        self._link.tell(method, params)


def request_of(kind: str, rest: str, values: list[object]) -> tuple[str, dict[str, object]]:
    """Return the method and params of the request in an OSC message to /timbrebox/KIND/REST."""
    first = values[0] if values else None
    if kind == "panic" and not rest:
        return "action", _PANIC
    if kind == "action" and rest in ACTIONS and len(values) <= 1:
        return "action", {"name": rest}
    if kind == "target" and len(values) == 1:
        target = rest.replace("/", ".")
        if (target in RANGES or target.startswith(LATENT)) and isinstance(first, float | int) and 0.0 <= first <= 1.0:
            return "move", {"target": target, "position": float(first)}
    if kind in ("sound", "instrument") and not rest and len(values) == 1 and isinstance(first, str):
        return kind, {"name": first}
    if kind == "sound" and not rest and len(values) == 1:
        return "sound", {"number": _whole(first)}
    raise NotUnderstoodError


def messages_of(packet: bytes, depth: int = 0) -> Iterator[bytes]:
    """Yield the messages of a packet. A packet is a message, or a bundle of messages and bundles.

    NotUnderstoodError for anything else, and for a packet that exceeds a limit.
    The format: opensoundcontrol.org, OSC 1.0. python-osc could read bundles, too, but a bundle that contains a negative
    size makes it loop for ever.
    """
    if len(packet) > LARGEST_BYTES or depth > _DEEPEST:
        raise NotUnderstoodError
    if packet.startswith(b"/"):
        yield packet
        return
    if not packet.startswith(_BUNDLE) or len(packet) < _BUNDLE_HEAD_BYTES:
        raise NotUnderstoodError
    at, n_messages = _BUNDLE_HEAD_BYTES, 0
    while at < len(packet):
        size = int.from_bytes(packet[at : at + 4], "big", signed=True)
        at += 4
        if size <= 0 or size % 4 or at + size > len(packet):
            raise NotUnderstoodError
        for part in messages_of(packet[at : at + size], depth + 1):
            n_messages += 1
            if n_messages > MOST_MESSAGES:
                raise NotUnderstoodError
            yield part
        at += size


def read_message(packet: bytes) -> tuple[str, list[object]]:
    """The address and values of a message; NotUnderstoodError if it is malformed."""
    try:
        message = OscMessage(packet)
        return message.address, message.params
    except Exception as error:  # no bytes from outside may end the page's process
        raise NotUnderstoodError from error


def _played(values: list[object]) -> Played:
    if len(values) > len(Played.__struct_fields__):
        raise NotUnderstoodError
    return msgspec.convert(dict(zip(Played.__struct_fields__, map(_whole, values), strict=False)), Played)


def _whole(value: object) -> int:
    """Return a whole number as an int: many pads send only floats. NotUnderstoodError for other values."""
    if isinstance(value, bool) or not isinstance(value, float | int) or value != value // 1:
        raise NotUnderstoodError
    return int(value)


async def listen_for_osc(address: str, port: int, made: Callable[[], OscPort]) -> asyncio.DatagramTransport:
    """Listen for OSC on a UDP port; UserError if the port cannot be used."""
    try:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(made, local_addr=(address, port))
    except OSError as error:
        found = f"{port} on {address} ({error.strerror or error})"
        raise UserError("panel: osc_port", found, "a free UDP port", "choose another port") from None
    return transport
