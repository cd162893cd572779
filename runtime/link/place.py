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
    """The path of the socket of this user's `play`; in a service, the path of the service's socket.

    The socket is in the first of these folders. A variable that has no absolute path is passed over.
    - $RUNTIME_DIRECTORY, which systemd sets for a service (systemd.exec(5))
    - `timbrebox` in $XDG_RUNTIME_DIR (XDG Base Directory Specification 0.8)
    - a folder of the user's own in the folder for temporary files
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
    """Make a folder that only its owner can enter.

    In an existing folder, such as a service's, the group loses the right to write, but keeps the right to enter. Others
    lose all rights. OSError if the path is not a folder of this user: where everyone can write, a stranger could have
    made it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise OSError(errno.EPERM, f"{folder} is not a folder of this user")
    if found.st_mode & 0o027:
        folder.chmod(found.st_mode & 0o750)
