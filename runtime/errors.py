"""The one error that a user sees, and how a command ends on it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable


class UserError(Exception):
    """A mistake that the user can mend: one line, exit status 2, no traceback.

    where: the file, flag or device; found: what was there; expected: what should be; remedy: what to do.
    """

    def __init__(self, where: object, found: str, expected: str, remedy: str):
        super().__init__(" ".join(f"{where}: found {found}; expected {expected}; {remedy}".split()))
        self.where, self.found, self.expected, self.remedy = str(where), found, expected, remedy


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error line that names the nearest of the known names, or lists them all."""
    known = sorted(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"choose one of: {', '.join(known)}" if known else "there is none to choose from"


def run_command(command: Callable[[], int | None]) -> int:
    """Run a command line's body and return its exit status: 0 done, 2 the user's mistake, 130 interrupted."""
    try:
        return command() or 0
    except UserError as error:
        print(f"timbrebox: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("timbrebox: interrupted", file=sys.stderr)
        return 130
