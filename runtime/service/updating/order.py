"""The order of versions: an update from the page must be newer than the version that plays."""

from __future__ import annotations

import re

from runtime.base.errors import UserError

_RELEASED = re.compile(r"\d+(?:\.\d+)*")


def is_released(version: str) -> bool:
    """Whether a version consists only of numbers with dots between them."""
    return _RELEASED.fullmatch(version) is not None


def refuse_not_newer(version: str, present: str) -> None:
    """UserError unless a version is released and newer than the present version; a present 1.2rc1 counts as 1.2."""
    remedy = "for another one, type on the machine: sudo timbrebox service update FILE"
    if not is_released(version):
        raise UserError("update", f"version {version}", "numbers with dots", remedy)
    begins = _RELEASED.match(present)
    if begins is not None and _numbers(version) <= _numbers(begins[0]):
        raise UserError("update", f"version {version}", f"one newer than {present}, which plays", remedy)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:  # 1.2.0 is 1.2
        numbers.pop()
    return tuple(numbers)
