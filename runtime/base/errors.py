"""The one error that a user sees, and how a command ends on it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
