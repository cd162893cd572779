"""Pairing: a device that sends the code shown by this machine may connect."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from runtime.panel.access.devices import Device, Devices
from runtime.panel.access.names import sender
from runtime.panel.limits import Allowance

# The number of digits in a pairing code. It is also in page/pair.html and docs/panel.md. If you lower it, lower
# ALL_GUESSES_PER_S, too.
N_DIGITS = 8
# For one sender: guesses per second, and the most guesses at once after a pause.
SENDER_GUESSES_PER_S, SENDER_BURST = 0.1, 5.0
# There are 100 million codes. A year of guesses at this rate, by many senders, finds the code with a chance of 16 %.
ALL_GUESSES_PER_S, ALL_BURST = 0.5, 20.0
_MOST_SENDERS = 256


class TooSoonError(Exception):
    """A guess came too soon, and was not checked. wait_s: seconds until the next guess may come."""

    def __init__(self, wait_s: float):
        super().__init__(f"wait {wait_s:.0f} s")
        self.wait_s = wait_s


class Pairing:
    """Keeps the code, which changes after each pairing, and checks guesses.

    shown: called with the new code after each pairing.
    """

    def __init__(self, devices: Devices, shown: Callable[[str], object]):
        self.devices, self._shown = devices, shown
        self._guessing: dict[str, Allowance] = {}
        self._all_guessing = Allowance(ALL_GUESSES_PER_S, ALL_BURST)
        self._code = _new_code()

    @property
    def code(self) -> str:
        """The code as it is shown, in two groups of digits."""
        return f"{self._code[: N_DIGITS // 2]} {self._code[N_DIGITS // 2 :]}"

    def guess(self, said: str, address: str, user_agent: str) -> tuple[Device, str] | None:
        """If the digits in `said` are the code, pair the device; return the Device and its secret, else None.

        address: the device's address.
        TooSoonError after too many guesses.
        """
        who = sender(address)
        wait_s = self._allowance(who).try_take() or self._all_guessing.try_take()
        if wait_s > 0.0:
            raise TooSoonError(wait_s)
        digits = "".join(character for character in said[:64] if character in "0123456789")
        if not hmac.compare_digest(digits, self._code):
            return None
        del self._guessing[who]
        self._code = _new_code()
        self._shown(self.code)
        return self.devices.add(user_agent)

    def _allowance(self, who: str) -> Allowance:
        allowance = self._guessing.pop(who, None) or Allowance(SENDER_GUESSES_PER_S, SENDER_BURST)
        while len(self._guessing) >= _MOST_SENDERS:
            del self._guessing[next(iter(self._guessing))]  # the sender that has not guessed for the longest time
        self._guessing[who] = allowance
        return allowance


def _new_code() -> str:
    return f"{secrets.randbelow(10**N_DIGITS):0{N_DIGITS}}"
