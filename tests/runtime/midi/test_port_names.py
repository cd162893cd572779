"""Ports may disappear while rtmidi lists them."""

from __future__ import annotations

import pytest
import rtmidi

from runtime.midi.rtmidi_apis import port_names


class _Client:
    def __init__(self, n_failures: int):
        self.n_failures = n_failures

    def get_ports(self) -> list[str]:
        self.n_failures -= 1
        if self.n_failures >= 0:
            raise rtmidi.InvalidPortError("MidiInAlsa::getPortName: error looking for port name!")
        return ["Keys 20:0"]


def test_a_port_that_goes_while_ports_are_listed_is_only_not_listed() -> None:
    assert port_names(_Client(2)) == ["Keys 20:0"]


def test_ports_that_cannot_be_listed_are_an_error_that_play_survives() -> None:
    with pytest.raises(OSError, match="too often"):
        port_names(_Client(1000))
