"""Each known OSC address becomes a request."""

from __future__ import annotations

import random
import struct

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from runtime.base.errors import UserError
from runtime.panel.limits import Allowance
from runtime.panel.osc import LARGEST_BYTES, MOST_MESSAGES, OscPort
from runtime.panel.playing.held import HeldKeys


class Told:
    def __init__(self) -> None:
        self.requests: list[tuple[str, object]] = []

    def tell(self, method: str, params: object) -> None:
        self.requests.append((method, params))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def port(told: Told) -> OscPort:
    return OscPort(told, HeldKeys(told), Allowance(500.0, 1000.0), lambda: None)


def message(address: str, *values: object) -> bytes:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build().dgram


def bundle(*contents: bytes) -> bytes:
    """A bundle made by hand, so that it may be invalid."""
    head = b"#bundle\0" + struct.pack(">Q", 1)
    return head + b"".join(struct.pack(">i", len(content)) + content for content in contents)


@pytest.mark.parametrize(
    ("address", "values", "method", "params"),
    [
        ("/target/filter/cutoff", [0.5], "move", {"target": "filter.cutoff", "position": 0.5}),
        ("/target/latent/3", [1], "move", {"target": "latent.3", "position": 1.0}),
        ("/target/phase_blend", [0.0], "move", {"target": "phase_blend", "position": 0.0}),
        ("/note", [60, 90], "note", {"note": 60, "velocity": 90, "channel": 0}),
        ("/note", [60.0, 90.0, 1.0], "note", {"note": 60, "velocity": 90, "channel": 1}),
        ("/panic", [], "action", {"name": "panic"}),
        ("/action/next_sound", [1], "action", {"name": "next_sound"}),
        ("/sound", ["Glass rain"], "sound", {"name": "Glass rain"}),
        ("/sound", [129], "sound", {"number": 129}),
        ("/instrument", ["strings"], "instrument", {"name": "strings"}),
    ],
)
def test_an_address_is_a_request(
    port: OscPort, told: Told, address: str, values: list, method: str, params: dict
) -> None:
    port.datagram_received(message(f"/timbrebox{address}", *values), None)
    assert told.requests == [(method, params)]
    assert (port.n_taken, port.n_ignored) == (1, 0)


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("/timbrebox/target/filter/cutof", [0.5]),
        ("/timbrebox/target/filter/cutoff", [1.5]),
        ("/timbrebox/target/filter/cutoff", [float("nan")]),
        ("/timbrebox/target/filter/cutoff", []),
        ("/timbrebox/target/filter/cutoff", ["0.5"]),
        ("/timbrebox/note", []),
        ("/timbrebox/note", [60.5, 90]),
        ("/timbrebox/note", [200, 90]),
        ("/timbrebox/note", [60, 90, 0, 0]),
        ("/timbrebox/action/shutdown", [1]),
        ("/timbrebox/sound", [float("inf")]),
        ("/timbrebox/sounds/delete", ["Glass rain"]),
        ("/other/note", [60, 90]),
        ("/timbrebox", []),
        ("/", []),
    ],
)
def test_what_is_not_known_is_ignored_and_counted(port: OscPort, told: Told, address: str, values: list) -> None:
    port.datagram_received(message(address, *values), None)
    assert told.requests == []
    assert (port.n_taken, port.n_ignored) == (0, 1)


def test_a_bundle_of_bundles_is_done_in_its_order(port: OscPort, told: Told) -> None:
    chord = bundle(message("/timbrebox/note", 60, 90), message("/timbrebox/note", 64, 90))
    port.datagram_received(bundle(chord, message("/timbrebox/note", 60, 0)), None)
    assert [(params["note"], params["velocity"]) for _, params in told.requests] == [(60, 90), (64, 90), (60, 0)]


def test_a_note_that_is_not_held_is_not_ended_and_a_released_pad_starts_nothing(port: OscPort, told: Told) -> None:
    port.datagram_received(message("/timbrebox/note", 60, 0), None)
    port.datagram_received(message("/timbrebox/action/save", 0.0), None)
    assert told.requests == []
    assert port.n_ignored == 0


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"/",
        b"#bundle\0",
        b"x" * 100,
        bundle()[:-1],
        bundle() + struct.pack(">i", -4),  # a reader that follows this size goes back by 4 bytes, and never ends
        bundle() + struct.pack(">i", 2**31 - 1),
        bundle() + struct.pack(">i", 0) * 10,
        bundle(*[b"/a\0\0"] * (MOST_MESSAGES + 1)),
        bundle(bundle(bundle(bundle(bundle(bundle(b"/timbrebox/panic\0\0\0\0")))))),
        b"/timbrebox/note\0,b\0\0" + struct.pack(">i", -8),
        b"/timbrebox/note\0," + b"[" * 5000 + b"\0\0\0",
        b"/" + b"a" * (LARGEST_BYTES + 4),
    ],
)
def test_a_broken_packet_is_ignored(port: OscPort, told: Told, packet: bytes) -> None:
    port.datagram_received(packet, None)
    assert told.requests == []
    assert port.n_ignored == 1


def test_noise_is_ignored(port: OscPort) -> None:
    generator = random.Random(17)
    whole = [message("/timbrebox/note", 60, 90), bundle(message("/timbrebox/target/pan", 0.5))]
    for _ in range(900):
        packet = bytearray(generator.choice(whole))
        for _ in range(generator.randrange(1, 6)):
            packet[generator.randrange(len(packet))] = generator.randrange(256)
        port.datagram_received(bytes(packet), None)
    assert port.n_taken + port.n_ignored == 900


def test_packets_that_are_too_many_are_dropped(told: Told) -> None:
    port = OscPort(told, HeldKeys(told), Allowance(0.001, 3.0), lambda: None)
    for _ in range(5):
        port.datagram_received(message("/timbrebox/target/pan", 0.5), None)
    assert (port.n_taken, port.n_ignored) == (3, 2)


def test_actions_that_write_files_are_rare_but_panic_is_not(port: OscPort, told: Told) -> None:
    for _ in range(50):
        port.datagram_received(message("/timbrebox/action/save", 1), None)
    assert len(told.requests) < 25
    port.datagram_received(message("/timbrebox/panic"), None)
    assert told.requests[-1] == ("action", {"name": "panic"})


def test_without_anything_that_plays_packets_are_ignored() -> None:
    class Gone(Told):
        def tell(self, method: str, params: object) -> None:
            raise UserError("play", "nothing that plays", "a running play", "start it")

    port = OscPort(Gone(), HeldKeys(Gone()), Allowance(500.0, 1000.0), lambda: None)
    port.datagram_received(message("/timbrebox/note", 60, 90), None)
    assert port.n_ignored == 1
