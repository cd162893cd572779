"""Where the user's files lie: what people make, and what the program remembers."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "timbrebox"


def data_folder() -> Path:
    """The folder of what the user makes: sounds, maps, instruments, recordings; it may not exist yet."""
    return _folder("XDG_DATA_HOME", ".local/share")


def state_folder() -> Path:
    """The folder of what the program remembers from one start to the next; it may not exist yet."""
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, at_home: str) -> Path:
    """A folder of the user's, or, in a service, the one that systemd names.

    Sources: systemd.exec(5), $STATE_DIRECTORY; XDG Base Directory Specification 0.8: a relative path is ignored.
    """
    service = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if os.path.isabs(service):
        return Path(service)
    given = os.environ.get(variable, "")
    return Path(given if os.path.isabs(given) else os.path.expanduser(f"~/{at_home}")) / NAME
