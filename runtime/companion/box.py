"""The lamp and the button of a box, on GPIO pins; docs/box.md describes the box."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from runtime.base.errors import UserError
from runtime.companion.power import POWER_OFF, problem_of
from runtime.companion.serving import Companion

if TYPE_CHECKING:
    import gpiozero

POWER_OFF_HOLD_S = 2.0  # how long the button must be held
_LOOK_S = 0.2
# Debian's folder for python3-gpiozero and python3-lgpio; the project's own environment does not see it.
SYSTEM_PACKAGES = "/usr/lib/python3/dist-packages"
_BLINKS_S = {"waits": 1.0, "wrong": 0.1}  # the lamp is on for this time, then off for the same time


class Show(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of the request `box`.

    led_pin, shutdown_pin: GPIO numbers, or None for no pin.
    state: what the lamp shows.
    """

    led_pin: int | None
    shutdown_pin: int | None
    state: Literal["plays", "waits", "wrong"]


class Box:
    """Drives the lamp and reads the button. It runs in the companion, so that blinking cannot delay the sound.

    power_off: the command that asks the system to power off.
    """

    def __init__(self, companion: Companion, power_off: tuple[str, ...] = POWER_OFF):
        self._companion, self._power_off = companion, power_off
        self._lamp: gpiozero.LED | None = None
        self._button: gpiozero.Button | None = None
        self._has_asked = False
        companion.add("box", Show, self.show)
        companion.every(self.look)

    def show(self, asked: Show) -> None:
        """Show the state: the lamp is lit for `plays`, blinks slowly for `waits`, and blinks fast for `wrong`.

        The first call with a pin also opens the pin.
        """
        if asked.led_pin is not None:
            self._lamp = self._lamp or _opened("LED", asked.led_pin)
        if asked.shutdown_pin is not None:
            # The button connects the pin to ground, and a resistor inside the Pi pulls the pin up.
            self._button = self._button or _opened("Button", asked.shutdown_pin, hold_time=POWER_OFF_HOLD_S)
        if self._lamp is None:
            return
        blink_s = _BLINKS_S.get(asked.state)
        if blink_s is None:
            self._lamp.on()
        else:
            self._lamp.blink(on_time=blink_s, off_time=blink_s)

    def look(self) -> float:
        """Power off if the button is held long enough; return the seconds until the next look."""
        if self._button is None:
            return math.inf
        held_s = self._button.active_time or 0.0
        if held_s < POWER_OFF_HOLD_S:
            self._has_asked = False
        elif not self._has_asked:
            self._has_asked = True
            self._ask_for_power_off()
        return _LOOK_S

    def _ask_for_power_off(self) -> None:
        self._companion.say("The button was held: powering off.")
        problem = problem_of(self._power_off)
        if problem:
            self._companion.say(f"The system does not power off: {problem} (docs/box.md says how to allow it).")


def add_box(companion: Companion) -> None:
    """Let the companion drive the lamp and read the button."""
    Box(companion)


def _opened(kind: str, pin: int, **options: Any) -> Any:
    """Return a gpiozero object for a pin; UserError without gpiozero, or if the pin cannot be used."""
    try:
        return getattr(_gpiozero(), kind)(pin, **options)
    except ImportError:
        remedy = "type: sudo apt-get install python3-gpiozero python3-lgpio"
        raise UserError("settings, box", "no gpiozero", "it, for the pins", remedy) from None
    except Exception as error:  # each of gpiozero's drivers has errors of its own
        found = f"pin {pin}, which cannot be used ({' '.join(str(error).split()) or type(error).__name__})"
        remedy = "choose another pin, or let this user use pins: sudo usermod -a -G gpio $USER"
        raise UserError("settings, box", found, "a free GPIO pin", remedy) from None


def _gpiozero() -> Any:
    if SYSTEM_PACKAGES not in sys.path:
        sys.path.append(SYSTEM_PACKAGES)  # at the end, so that the project's own packages are found first
    # lgpio makes a pipe in the folder that LG_WD names, else in the working directory. The service cannot write to its
    # working directory.
    os.environ.setdefault("LG_WD", tempfile.gettempdir())
    import gpiozero

    return gpiozero
