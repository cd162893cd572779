"""Asks the system, through logind, to restart or to power off."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Literal

import msgspec

from runtime.base.errors import UserError
from runtime.companion.serving import Companion
from runtime.link.messages import NoParams

POWER_OFF = ("systemctl", "poweroff", "--no-ask-password")
_COMMANDS = {"power_off": POWER_OFF, "reboot": ("systemctl", "reboot", "--no-ask-password")}
# Source: org.freedesktop.login1(5). CanPowerOff and CanReboot answer `s "yes"` if no password is needed.
_LOGIND = ("busctl", "--system", "call", "org.freedesktop.login1", "/org/freedesktop/login1")
_CAN = {"power_off": "CanPowerOff", "reboot": "CanReboot"}
_YES = 's "yes"'
_LIMIT_S = 10.0


class Power(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of the request `power`."""

    do: Literal["power_off", "reboot"]


def add_power(companion: Companion) -> None:
    """Let the companion answer the requests `powers` and `power`."""
    companion.add("powers", NoParams, lambda _params: powers())
    companion.add("power", Power, _do)


def powers() -> list[str]:
    """Which of `power_off` and `reboot` this program may request without a password; empty without logind."""
    asked = {name: (*_LOGIND, "org.freedesktop.login1.Manager", can) for name, can in _CAN.items()}
    return [name for name, command in asked.items() if _output(command) == _YES]


def problem_of(command: Sequence[str]) -> str:
    """Run a system command; return what went wrong, in words, or an empty text if nothing did."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else " ".join(done.stderr.split()) or f"status {done.returncode}"


def _do(asked: Power) -> dict[str, str]:
    problem = problem_of(_COMMANDS[asked.do])
    if problem:
        expected = "a system that allows it"
        raise UserError(f"power, {asked.do}", problem, expected, "allow it: docs/box.md says how")
    return {"do": asked.do}


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
