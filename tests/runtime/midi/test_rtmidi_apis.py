"""MIDI APIs and MIDI inputs are found by the names that a musician writes."""

from __future__ import annotations

import pytest

from runtime.base.errors import UserError
from runtime.midi.rtmidi_apis import api_names, api_number, stable_name, wanted_ports

PORTS = ["Midi Through:Midi Through Port-0 14:0", "Keystation 49:Keystation 49 MIDI 1 20:0", "nanoKONTROL2 24:0"]


def test_a_ports_name_survives_a_reboot() -> None:
    assert [stable_name(port) for port in PORTS][1:] == ["Keystation 49:Keystation 49 MIDI 1", "nanoKONTROL2"]
    assert stable_name("a2j:Keystation 49 (playback)") == "a2j:Keystation 49 (playback)"


@pytest.mark.parametrize(
    ("inputs", "wanted"),
    [
        ((), PORTS[1:]),
        (("keystation",), PORTS[1:2]),
        (("through", "NANO"), [PORTS[0], PORTS[2]]),
        (("24:0",), []),
    ],
)
def test_all_keyboards_are_wanted_or_those_named(inputs: tuple[str, ...], wanted: list[str]) -> None:
    assert wanted_ports([*PORTS, "timbrebox:in"][: 4 if not inputs else 3], inputs) == wanted


def test_an_api_is_found_by_midos_name_and_a_wrong_one_is_the_users_error() -> None:
    known = api_names()
    assert api_number("mido.backends.rtmidi/UNIX_JACK") == api_number("UNIX_JACK") == known["UNIX_JACK"]
    assert api_number(None) in known.values()
    with pytest.raises(UserError, match="did you mean 'UNIX_JACK'"):
        api_number("UNIX_JAKC")
