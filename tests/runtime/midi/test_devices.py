"""A keyboard is recognised at another address or socket."""

from __future__ import annotations

import random
from pathlib import Path

from runtime.midi.devices import DeviceTable, Identity, identity_name, usb_socket


def port(client: int, name: str = "Keys:Keys MIDI 1") -> str:
    return f"{name} {client}:0"


def test_a_single_keyboard_is_known_at_any_address_and_socket() -> None:
    table = DeviceTable()
    for client, socket in ((20, "1-1"), (24, "1-1"), (20, "1-2"), (28, ""), (20, "1-1")):
        assert table.arrive([port(client)], [socket]) == {port(client): 0}
        assert table.identity(0) == Identity("Keys:Keys MIDI 1", 1, socket)
        table.keep_only([])
    assert table.here == {}


def test_a_single_keyboard_is_known_after_a_restart() -> None:
    known = Identity("Keys:Keys MIDI 1", 1, "1-1")
    table = DeviceTable([Identity("Other"), known])
    table.arrive([port(32)], ["2-4"])
    assert table.identity(0) == known._replace(socket="2-4")


def test_equal_keyboards_stay_apart_while_each_stays_at_its_socket() -> None:
    dice, sockets = random.Random(1), ("1-1", "1-2", "2-1")
    table, client = DeviceTable(), 20
    first = table.arrive([port(20), port(24), port(28)], sockets)
    orders = {socket: table.identity(first[port(20 + 4 * k)]).order for k, socket in enumerate(sockets)}
    assert sorted(orders.values()) == [1, 2, 3]
    for _ in range(30):  # all are plugged in again, each at its own socket, in random order; sometimes after a restart
        if dice.random() < 0.5:
            table = DeviceTable([Identity("Keys:Keys MIDI 1", order, socket) for socket, order in orders.items()])
        table.keep_only([])
        order = dice.sample(sockets, 3)
        client += 12
        here = [port(client + 4 * k) for k in range(3)]
        numbers = table.arrive(here, order)
        assert {socket: table.identity(numbers[each]).order for each, socket in zip(here, order, strict=True)} == orders


def test_equal_keyboards_without_sockets_are_told_apart_by_their_addresses() -> None:
    table = DeviceTable()
    numbers = table.arrive([port(28), port(9), port(20)], ["", "", ""])
    assert [table.identity(numbers[port(client)]).order for client in (9, 20, 28)] == [1, 2, 3]
    table.keep_only([port(20)])  # a device that stays keeps its identity
    again = table.arrive([port(4), port(20)], ["", ""])
    assert table.identity(again[port(20)]).order == 2
    assert table.identity(again[port(4)]).order == 1


def test_the_one_at_its_own_socket_comes_first() -> None:
    table = DeviceTable([Identity("Keys:Keys MIDI 1", 1, "1-1"), Identity("Keys:Keys MIDI 1", 2, "1-2")])
    numbers = table.arrive([port(20), port(24)], ["1-9", "1-1"])
    assert table.identity(numbers[port(24)]).order == 1
    assert table.identity(numbers[port(20)]).order == 2


def test_devices_of_other_names_have_other_numbers() -> None:
    table = DeviceTable()
    numbers = table.arrive([port(20), port(24, "Box:Box MIDI 1"), "keys:out"])
    assert sorted(numbers.values()) == [0, 1, 2]
    assert {identity.port for identity in table.here.values()} == {"Keys:Keys MIDI 1", "Box:Box MIDI 1", "keys:out"}


def test_names_lose_their_addresses() -> None:
    assert identity_name("nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0") == "nanoKONTROL2:nanoKONTROL2 MIDI 1"
    bridged = "a2j:nanoKONTROL2 [20] (capture): nanoKONTROL2 MIDI 1"
    assert identity_name(bridged) == "a2j:nanoKONTROL2 (capture): nanoKONTROL2 MIDI 1"
    assert identity_name("keys:out") == "keys:out"


def test_the_usb_socket_of_a_sound_card(tmp_path: Path) -> None:
    devices = tmp_path / "devices" / "usb1" / "1-1" / "1-1.2" / "1-1.2:1.0"
    devices.mkdir(parents=True)
    (tmp_path / "card1").mkdir()
    (tmp_path / "card1" / "device").symlink_to(devices)
    assert usb_socket(port(20), tmp_path) == "1-1.2"
    assert usb_socket("Keys 21:0", tmp_path) == "1-1.2"
    assert usb_socket(port(24), tmp_path) == ""
    assert usb_socket(port(14), tmp_path) == ""
    assert usb_socket("keys:out", tmp_path) == ""
