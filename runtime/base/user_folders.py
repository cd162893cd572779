"""The folders of the user's files: what the user makes, and what the program remembers."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "timbrebox"


def data_folder() -> Path:
    """The folder of what the user makes: sounds, maps, instruments, recordings. It may not exist yet."""
    return _folder("XDG_DATA_HOME", ".local/share")


def state_folder() -> Path:
    """The folder of what the program remembers from one start to the next. It may not exist yet."""
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, at_home: str) -> Path:
    """The program's folder for one kind of files.

    It is called NAME, and lies in the user's folder for files of this kind. In a service, all kinds lie in one folder:
    the one that systemd gives to the service.
    variable: the environment variable with the path of the user's folder.
    at_home: the path of the user's folder inside the home folder; it is used if the variable is not set or holds a
        relative path.
    Sources: XDG Base Directory Specification 0.8; for a service, $STATE_DIRECTORY in systemd.exec(5).
    """
    service = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if os.path.isabs(service):
        return Path(service)
    given = os.environ.get(variable, "")
    return Path(given if os.path.isabs(given) else os.path.expanduser(f"~/{at_home}")) / NAME
