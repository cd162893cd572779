"""The paths of the link's sockets: one for each user, and one for the service."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

SOCKET = "control"
SERVICE_SOCKET = Path("/run/timbrebox") / SOCKET


def own_socket() -> Path:
    """The socket of this user's `play`; in a service, the socket in the folder that systemd names.

    For a service, $RUNTIME_DIRECTORY has the folder's path (systemd.exec(5)). For a user, the folder is `timbrebox` in
    $XDG_RUNTIME_DIR (XDG Base Directory Specification 0.8). A relative path is ignored. If neither variable has an
    absolute path, the socket is in the user's own folder below the folder for temporary files.
    """
    given = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if os.path.isabs(given):
        return Path(given) / SOCKET
    shared = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(shared):
        return Path(shared) / "timbrebox" / SOCKET
    return Path(tempfile.gettempdir()) / f"timbrebox-{os.getuid()}" / SOCKET


def sockets() -> list[Path]:
    """The sockets that a command tries, one after the other."""
    return list(dict.fromkeys([own_socket(), SERVICE_SOCKET]))


def make_private(folder: Path) -> None:
    """Make a folder that only its owner, and in a service its group, can enter.

    OSError if the path is not a folder of this user. In a place where everyone can write, a stranger may have made it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise OSError(errno.EPERM, f"{folder} is not a folder of this user")
    if found.st_mode & 0o027:
        folder.chmod(found.st_mode & 0o750)
