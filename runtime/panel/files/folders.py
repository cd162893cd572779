"""Private folders for temporary files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

from runtime.base.errors import UserError
from runtime.link.place import make_private


class PassingFolder:
    """A temporary folder of this process inside `base`.

    Only this user can enter the folder. In a service, this user's group can enter `base`, but not the folder.
    The folder is locked as long as this process lives. Dead processes leave folders without a lock in `base`; these
    are removed now.
    UserError if the folder cannot be made.

    path: the folder.
    """

    def __init__(self, base: Path):
        self.path = base / str(os.getpid())
        try:
            make_private(base)
            whole = os.open(base, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(whole, fcntl.LOCK_EX)  # so no other process removes the new folder before it is locked
                _remove_dead(base)
                self.path.mkdir(mode=0o700)
                self._lock = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(whole)
        except OSError as error:
            remedy = "free some space, or choose another place"
            raise UserError(base, error.strerror or str(error), "a writable place with room", remedy) from None

    def clear(self) -> None:
        """Remove the folder's contents."""
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_dead(base: Path) -> None:
    for path in base.iterdir():
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
