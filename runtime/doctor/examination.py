"""Every check, in the order shown on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runtime.doctor.devices import check_devices
from runtime.doctor.disk import check_disk
from runtime.doctor.findings import BAD, Check, Finding, Given
from runtime.doctor.instrument import check_instrument
from runtime.doctor.machine import check_memory, check_power, check_processor, check_system
from runtime.doctor.playing import check_network, check_playing
from runtime.doctor.realtime import check_limits
from runtime.doctor.service import check_service
from runtime.doctor.speed import check_speed

CHECKS: tuple[Check, ...] = (
    check_system,
    check_processor,
    check_power,
    check_memory,
    check_limits,
    check_devices,
    check_instrument,
    check_speed,
    check_playing,
    check_service,
    check_disk,
    check_network,
)


def examine(given: Given, checks: tuple[Check, ...] = CHECKS) -> Iterator[Finding]:
    """Yield each finding as soon as it is known. An exception in a check becomes a finding, too."""
    for check in checks:
        try:
            yield from check(given)
        except Exception as error:  # on a broken machine a check may fail in any way, but the others must still run
            says = f"cannot be told ({type(error).__name__}: {error})"
            yield Finding(_name(check), BAD, says, "send us the report: ./timbrebox doctor --report report.txt")


def _name(check: Callable[..., object]) -> str:
    return check.__name__.removeprefix("check_").capitalize()
