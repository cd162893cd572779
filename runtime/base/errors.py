"""UserError, the only error that a user sees, and the suggestion of a similar name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can correct; a command prints it as one line and ends with status 2.

    where: the file, option or device; found: what is there; expected: what should be there; remedy: what to do.
    """

    def __init__(self, where: object, found: str, expected: str, remedy: str):
        super().__init__(" ".join(f"{where}: found {found}; expected {expected}; {remedy}".split()))
        self.where, self.found, self.expected, self.remedy = str(where), found, expected, remedy


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name: the most similar of the known names, or all of them if none is similar."""
    known = sorted(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"choose one of: {', '.join(known)}" if known else "there is none to choose from"
