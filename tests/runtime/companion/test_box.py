"""The lamp and the button work on gpiozero's mock pins."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from runtime.base.errors import UserError
from runtime.companion import box as box_module
from runtime.companion.box import Box, Show
from runtime.companion.serving import Companion
from runtime.config import BoxConfig
from runtime.live.signs.lamp import PLAYS, WAITS, WRONG, Lamp
from tests.runtime.companion.test_companion import Child, child
from tests.support.rig import wait_until

__all__ = ["child"]

LAMP, BUTTON = 17, 3


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    factory = MockFactory()
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    yield factory
    factory.close()


class Told(Companion):
    def __init__(self) -> None:
        ours, self._theirs = socket.socketpair()
        super().__init__(ours)
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def changes(pins: MockFactory, seconds: float) -> int:
    """How often the lamp is switched on or off in this time."""
    pin = pins.pin(LAMP)
    pin.clear_states()
    time.sleep(seconds)
    return len(pin.states) - 1


def test_the_lamp_is_steady_blinks_slowly_or_fast(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_module, "_BLINKS_S", {"waits": 0.1, "wrong": 0.01})
    box = Box(Told())
    box.show(Show(LAMP, None, "plays"))
    assert pins.pin(LAMP).state
    assert changes(pins, 0.3) == 0
    box.show(Show(LAMP, None, "waits"))
    slow = changes(pins, 1.0)
    box.show(Show(LAMP, None, "wrong"))
    fast = changes(pins, 1.0)
    assert 2 <= slow <= 11
    assert fast > 2 * slow
    box.show(Show(LAMP, None, "plays"))
    assert pins.pin(LAMP).state


def test_a_held_button_powers_off_once_and_a_short_press_does_not(
    pins: MockFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(box_module, "POWER_OFF_HOLD_S", 0.3)
    count, told = tmp_path / "count", Told()
    box = Box(told, ("sh", "-c", f"echo off >> {count}"))
    box.show(Show(None, BUTTON, "plays"))
    assert 0.0 < box.look() <= 1.0
    pins.pin(BUTTON).drive_low()
    box.look()
    pins.pin(BUTTON).drive_high()
    time.sleep(0.4)
    box.look()
    assert told.lines == []
    pins.pin(BUTTON).drive_low()
    time.sleep(0.4)
    for _ in range(3):
        box.look()
    assert count.read_text() == "off\n"
    assert told.lines == ["The button was held: powering off."]


def test_a_refused_power_off_is_said(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_module, "POWER_OFF_HOLD_S", 0.0)
    told = Told()
    box = Box(told, ("sh", "-c", "echo Access denied >&2; exit 1"))
    box.show(Show(None, BUTTON, "plays"))
    pins.pin(BUTTON).drive_low()
    time.sleep(0.05)
    box.look()
    assert "Access denied" in told.lines[1]


def test_a_pin_that_cannot_be_used_is_one_line(pins: MockFactory) -> None:
    other = gpiozero.LED(LAMP)
    with pytest.raises(UserError, match=r"settings, box: found pin 17, which cannot be used"):
        Box(Told()).show(Show(LAMP, None, "plays"))
    other.close()


def test_the_companion_is_told_again_after_its_death(monkeypatch: pytest.MonkeyPatch, child: Child) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")  # the companion's new process reads this
    lamp = Lamp(BoxConfig(LAMP, BUTTON), child.companion, child.lines.append)
    child.companion._process.kill()
    wait_until(lambda: child.companion.serve() or child.companion.n_starts == 2, "the companion", lambda: child.lines)
    answers: list[object] = []
    asked = child.companion.ask
    monkeypatch.setattr(
        child.companion, "ask", lambda name, then, otherwise, **said: asked(name, answers.append, otherwise, **said)
    )
    for state in (PLAYS, PLAYS, WAITS, WRONG):
        lamp.show(state)
    child.serve_until(lambda: len(answers) == 3 or len(child.lines) > 1)
    assert answers == [None, None, None]
    assert len(child.lines) == 1


def test_without_pins_the_companion_is_told_nothing(child: Child) -> None:
    lamp = Lamp(BoxConfig(), child.companion, child.lines.append)
    lamp.show(WRONG)
    assert child.ask("ping")
    assert child.lines == []
