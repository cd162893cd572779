"""The state in one line, for the service's manager and `service status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_LONGEST_PROBLEM = 300


class StatusNews:
    """Sends the line whenever it has changed; notify: `service.notify.notify`, or a function with its arguments."""

    def __init__(self, notify: Callable[..., object]):
        self._notify, self._told = notify, ""

    def tell(self, n_sounding: int, device: str, ports: Sequence[str], problems: Sequence[str]) -> None:
        """Tell how many voices sound, on which device, the MIDI inputs, and what is wrong, empty texts left out."""
        line = status_text(n_sounding, device, ports, problems)
        if line != self._told:
            self._told = line
            self._notify(STATUS=line)


def status_text(n_sounding: int, device: str, ports: Sequence[str], problems: Sequence[str]) -> str:
    """The line: first what is wrong, because a screen may cut the rest off."""
    wrong = [problem[:_LONGEST_PROBLEM].rstrip(".") for problem in problems if problem]
    plays = f"{n_sounding} voices, audio: {device}, MIDI: {', '.join(ports) or 'none yet'}"
    return "; ".join([*wrong, plays])
