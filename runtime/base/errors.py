"""UserError, the only error shown to users, and suggestions of similar names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST_PART = 500  # in characters; a part of a message may quote a whole file, so a longer part loses its middle


class UserError(Exception):
    """A mistake that the user can correct; a command prints the error in one line and exits with status 2.

    where: the file, option or device. found: what is there. expected: what should be there. remedy: what to do.
    """

    def __init__(self, where: object, found: str, expected: str, remedy: str):
        parts = [printable(_shortened(str(part))) for part in (where, found, expected, remedy)]
        super().__init__("{}: found {}; expected {}; {}".format(*parts))
        self.where, self.found, self.expected, self.remedy = parts


def printable(text: str) -> str:
    """The text as one line: white space becomes single spaces, and unprintable characters are escaped, as in \\x07."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_PART:
        return text
    return f"{text[: LONGEST_PART // 2]} … {text[-LONGEST_PART // 2 :]}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: suggests the most similar known name, or lists all known names."""
    known = sorted(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"choose one of: {', '.join(known)}" if known else "there is none to choose from"
