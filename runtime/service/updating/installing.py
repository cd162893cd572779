"""The part of an update that runs as root.

It copies a signed update to a place where only root can write, checks it, and installs it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from runtime.base.errors import UserError
from runtime.base.signals import signals_as_exceptions
from runtime.service.archive import opened
from runtime.service.install import UNPACKED, alone, put_in, refuse_not_installed, update
from runtime.service.places import HOME, SIGNERS, STATE, UPDATE_NEWS
from runtime.service.updating.arrival import taken
from runtime.service.updating.news import News, Why, write_news
from runtime.service.updating.order import refuse_not_newer
from runtime.service.updating.signed import Parts, divide, signer_of
from runtime.service.versions import Versions, has_environment, version_of

_COPY = ".update-"  # a folder in HOME whose name begins with this holds the copy of an update; only root can enter it


def update_signed(source: Path, within_s: float, *, anyway: bool = False) -> int:
    """Install a signed update that the owner names in a command. It may be older than the installed version.

    Arguments: as for `update`.
    """
    refuse_not_installed()
    with TemporaryDirectory(prefix=_COPY, dir=HOME) as folder, source.open("rb") as stream:
        parts = divide(stream, Path(folder))
        print(f"Signed by {signer_of(parts, SIGNERS)}.", flush=True)
        return update(parts.archive, within_s, anyway=anyway)


def install_arrived(within_s: float) -> int:
    """Install the update that the page has received, and write news of it. within_s: as in `put_in`.

    UserError unless the update is a plain file, is signed by somebody in SIGNERS, is newer than the version that
    plays, and needs the same Python packages as that version.
    """
    told = _Told()
    with told.any_end(), signals_as_exceptions():
        told.say(why="file")  # said before the file is taken: the page must always find the file or the news
        try:
            with taken(STATE) as stream, TemporaryDirectory(prefix=_COPY, dir=HOME) as folder:
                parts = divide(stream, Path(folder))
                told.say(why="signature")
                told.say(signer=signer_of(parts, SIGNERS))
                told.say(why="other")
                with alone(anyway=False):
                    _remove_left(Path(folder))
                    version = _install(parts, within_s, told)
        except OSError as error:
            raise UserError(HOME, error.strerror or str(error), "a disk with room", "free some space") from None
        told.say(state="done", why="")
        print(f"Updated: {version.name}, signed by {told.news.signer}, plays.")
    return 0


def _install(parts: Parts, within_s: float, told: _Told) -> Path:
    current = Versions(HOME).current()
    with opened(parts.archive, UNPACKED) as program:
        told.say(why="version", version=version_of(program))
        refuse_not_newer(told.news.version, version_of(current))
        told.say(why="packages")
        if not has_environment(current, program):
            remedy = "install its Debian package, or type on the machine: sudo timbrebox service update FILE"
            raise UserError("update", "a version that needs other Python packages", "those of the present one", remedy)
        told.say(state="installing", why="start")
        return put_in(program, within_s)


def _remove_left(own: Path) -> None:
    """Remove copies that interrupted updates have left. own: the folder of the present update, which stays."""
    for left in HOME.glob(f"{_COPY}*"):
        if left != own:
            shutil.rmtree(left, ignore_errors=True)


class _Told:
    def __init__(self) -> None:
        self.news = News()

    def say(self, *, why: Why | None = None, **changes: str) -> None:
        """Publish news of the update.

        why: the check that begins now; "" after the last check; None while the check stays the same.
        changes: other fields of `News`.
        """
        self.news = msgspec.structs.replace(self.news, **changes, **({} if why is None else {"why": why}))
        write_news(self.news, UPDATE_NEWS)

    @contextmanager
    def any_end(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:  # also when systemd stops the update
            line = str(error) if isinstance(error, UserError) else f"it ended early ({type(error).__name__})"
            with suppress(UserError):
                self.say(state="refused", line=line)
            raise
