"""Describes in one line what plays and what is wrong, for systemd and for `service status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_LONGEST_PROBLEM = 300


class StatusNews:
    """Sends the status line to systemd each time that the line has changed."""

    def __init__(self, notify: Callable[..., object]):
        self._notify, self._told = notify, ""

    def tell(self, n_sounding: int, device: str, ports: Sequence[str], problems: Sequence[str]) -> None:
        """Send this status if its line is new; empty problems are left out. n_sounding: number of sounding voices."""
        line = status_text(n_sounding, device, ports, problems)
        if line != self._told:
            self._told = line
            self._notify(STATUS=line)


def status_text(n_sounding: int, device: str, ports: Sequence[str], problems: Sequence[str]) -> str:
    """The status line; problems come first, because a screen may cut off the end."""
    wrong = [problem[:_LONGEST_PROBLEM].rstrip(".") for problem in problems if problem]
    plays = f"{n_sounding} voices, audio: {device}, MIDI: {', '.join(ports) or 'none yet'}"
    return "; ".join([*wrong, plays])
