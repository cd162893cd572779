"""Describes in one line what plays and what is wrong, for systemd and for `service status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_LONGEST_PROBLEM = 300


class StatusNews:
    """Sends the status line when it has changed."""

    def __init__(self, notify: Callable[..., object]):
        self._notify, self._told = notify, ""

    def tell(self, n_sounding: int, device: str, ports: Sequence[str], problems: Sequence[str]) -> None:
        """Send this status; n_sounding: number of sounding voices. Empty problems are left out."""
        line = status_text(n_sounding, device, ports, problems)
        if line != self._told:
            self._told = line
            self._notify(STATUS=line)


def status_text(n_sounding: int, device: str, ports: Sequence[str], problems: Sequence[str]) -> str:
    """The status line; problems come first, because a screen may cut off the rest."""
    wrong = [problem[:_LONGEST_PROBLEM].rstrip(".") for problem in problems if problem]
    plays = f"{n_sounding} voices, audio: {device}, MIDI: {', '.join(ports) or 'none yet'}"
    return "; ".join([*wrong, plays])
