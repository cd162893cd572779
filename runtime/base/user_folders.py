"""The folders of the user's files: what the user makes, and what the program remembers."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "timbrebox"


def data_folder() -> Path:
    """The folder, perhaps not existing yet, of what the user makes: sounds, maps, instruments, recordings."""
    return _folder("XDG_DATA_HOME", ".local/share")


def state_folder() -> Path:
    """The folder, perhaps not existing yet, of what the program remembers from one start to the next."""
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, at_home: str) -> Path:
    """The folder NAME in the user's folder for files of one kind; in a service, the folder that systemd names.

    variable: the environment variable with the path of the user's folder. at_home: its path in the home folder, if the
    variable is not set. Sources: systemd.exec(5), $STATE_DIRECTORY; XDG Base Directory Specification 0.8: a relative
    path is ignored.
    """
    service = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if os.path.isabs(service):
        return Path(service)
    given = os.environ.get(variable, "")
    return Path(given if os.path.isabs(given) else os.path.expanduser(f"~/{at_home}")) / NAME
