"""Decides whether the last run's state may be restored, and notes how this run ends."""

from __future__ import annotations

import faulthandler
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.user_folders import state_folder
from runtime.companion.state import Settings, State, put_state_aside, read_state
from runtime.config import Config

PROVEN_AFTER_S = 10.0
MOST_CUTS = 3  # the state is not restored after this many runs in a row that a power cut may have ended
_ON_TRIAL = "ended within 10 s"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Memory:
    """The state that the previous run left, and a file that notes how this run ends.

    A proper end empties the file. A crash leaves a text, and the next run does not restore the state.
    A restored state is on trial for 10 s. During the trial, the file holds the id of the machine's present boot. If the
    next run finds the id of its own boot there, the trial has failed, and the state is not restored. If it finds the id
    of another boot, the power may have been cut: the state is restored, but not after `MOST_CUTS` such runs in a row.

    state: the previous run's state, or None.
    configured: the settings file's values of the settings in `state`; None until they are known.
    good_settings: all settings of the settings file, or None. They are stored, and used when that file is broken.
    keeps: whether this run restores `state`, and saves what plays.
    """

    def __init__(self, say: Callable[[str], object], keeps: bool = True):
        self.keeps = keeps
        self.state: State | None = None
        self.configured: Settings | None = None
        self.good_settings: Config | None = None
        self._path = state_folder() / "state.crash"
        self._file: int | None = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._close_file()  # another running `play` has locked the file
        except OSError as error:
            self._close_file()
            say(f"Nothing is remembered: {self._path.parent}: {error.strerror}.")
        if self._file is not None:
            self.state = self._usable_state(say)
            faulthandler.enable(self._file, all_threads=False)

    @property
    def is_kept(self) -> bool:
        """Whether this run remembers anything. It does not if another `play` of the same user is already running."""
        return self._file is not None

    def put_aside(self, error: UserError, say: Callable[[str], object]) -> None:
        """Rename the file of a state that cannot be used; error: the reason."""
        self.state = None
        say(f"The last state is not used: {error} (it is now {put_state_aside()}).")

    def begin_trial(self) -> None:
        """Note in the file that this run restores a state: if the run fails, the state may be the reason.

        `proven` removes the note.
        """
        if self._file is not None:
            os.write(self._file, f"{_ON_TRIAL} {_this_boot()}\n".encode())

    def proven(self) -> None:
        """Note that the run has been healthy for `PROVEN_AFTER_S`."""
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def crashed(self, error: BaseException) -> None:
        """Note that the run ends with an unexpected exception."""
        if self._file is not None:
            os.write(self._file, f"ended with {type(error).__name__}: {error}\n".encode(errors="replace"))
            self._leave()

    def close(self) -> None:
        """Note that the run ends properly."""
        if self._file is not None:
            self.proven()
            self._leave()

    def _leave(self) -> None:
        faulthandler.disable()
        self._close_file()

    def _usable_state(self, say: Callable[[str], object]) -> State | None:
        noted = os.pread(self._file, 4096, 0).decode(errors="replace").splitlines()
        crashes = [line for line in noted if not line.startswith(_ON_TRIAL)]
        is_guilty = crashes or f"{_ON_TRIAL} {_this_boot()}" in noted or len(noted) >= MOST_CUTS
        if is_guilty:
            os.ftruncate(self._file, 0)
        try:
            state = read_state()
            if state is not None and is_guilty:
                how = crashes[0] if crashes else _ON_TRIAL
                raise UserError("the last state", f"a run that {how}", "a run that goes well", "tell us about it")
        except UserError as error:
            self.put_aside(error, say)
            return None
        return state

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _this_boot() -> str:
    with suppress(OSError):
        return _BOOT.read_text(encoding="ascii").strip()
    return ""
