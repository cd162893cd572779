"""Tells the page how an update goes, in a file that root writes and the page reads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file

_LARGEST_BYTES = 64 * 2**10
# If the news is older than this, the update has ended: systemd stops each update before it takes so long
# (TimeoutStartSec).
_LONGEST_S = 1800.0

Why = Literal["", "file", "signature", "other", "version", "packages", "start"]


class News(msgspec.Struct, frozen=True):
    """The state of the newest update since the machine was started.

    state: what the update does (`checking`, `installing`), or how it ended (`done`, `refused`).
    why: the present check, or the check that refused the update.
    line: why it was refused, in words for the user.
    signer: who has signed the update; "" if this is not known yet.
    version: the new version's number; "" if this is not known yet.
    at_s: when this news was written, by the Unix clock.
    """

    state: Literal["checking", "installing", "done", "refused"] = "checking"
    why: Why = ""
    line: str = ""
    signer: str = ""
    version: str = ""
    at_s: float = 0.0

    @property
    def goes_on(self) -> bool:
        """Whether the update is still being checked or installed. False if this news is older than _LONGEST_S."""
        return self.state in ("checking", "installing") and time.time() < self.at_s + _LONGEST_S


def write_news(news: News, path: Path) -> None:
    """Write the news, with the present time, to a file that every user can read."""
    with atomic_write(path, "wb") as stream:
        stream.write(msgspec.json.encode(msgspec.structs.replace(news, at_s=time.time())))
    path.chmod(0o644)


def read_news(path: Path) -> News | None:
    """Read the news; None if no update has come since the machine was started, or if the file cannot be read."""
    try:
        return msgspec.json.decode(read_bounded_file(path, "news", _LARGEST_BYTES), type=News)
    except (UserError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
