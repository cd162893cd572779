"""What a box (box.py) and an emulated machine (machine/qemu.py) share: a booted Debian with our service."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

_LOOK_S = 0.02  # seconds from one look at a condition to the next


class Booted(ABC):
    """A booted Debian system; ready_within_s: seconds within which its service must be READY."""

    ready_within_s: float

    @abstractmethod
    def run(self, *command: object) -> tuple[int, str]:
        """Run a command inside, as root; returns the exit status and the output."""

    def service(self) -> dict[str, str]:
        """The service's properties as systemd shows them, by name."""
        names = "ActiveState,MainPID,NRestarts,StatusText,InvocationID"
        _, printed = self.run("systemctl", "show", "timbrebox.service", f"--property={names}")
        return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)

    def wait_for_ready(self, within_s: float | None = None) -> float:
        """Wait until the service is READY; returns the seconds waited."""
        limit_s = self.ready_within_s if within_s is None else within_s
        return self.wait(lambda: self.service().get("ActiveState") == "active", "READY", limit_s)

    def wait(self, condition: Callable[[], object], what: str, within_s: float) -> float:
        """Wait until a condition is true; returns the seconds waited.

        what: the condition's name in the AssertionError.
        """
        began_s = time.monotonic()
        while not condition():
            assert time.monotonic() - began_s < within_s, f"no {what} within {within_s:g} s: {self.journal(20)}"
            time.sleep(_LOOK_S)
        return time.monotonic() - began_s

    def journal(self, n_lines: int) -> str:
        return self.run("journalctl", "-u", "timbrebox", "-n", n_lines, "--no-pager", "-o", "short-precise")[1]
