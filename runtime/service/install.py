"""Installs, updates and removes the systemd service."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, make_folder, read_bounded_file
from runtime.base.signals import signals_as_exceptions
from runtime.service.archive import opened
from runtime.service.places import (
    ANNOUNCED,
    HOME,
    PACKAGED,
    ROOT,
    SETTINGS,
    STATE,
    UNIT,
    UNITS,
    UPDATE,
    UPDATE_NEWS,
    USER,
)
from runtime.service.system import call, is_booted, last_line, make_user, properties, refuse_fleeting_disk, restart
from runtime.service.versions import Versions, version_of

UNPACKED = HOME / ".unpacked"  # where an archive is unpacked
_FIRST_SETTINGS = Path(__file__).with_name("instrument.yaml")
_SUFFIXES = (".path", ".service")  # of unit files
_LARGEST_BYTES = 256 * 2**10
_OLD_WITHIN_S = 90.0  # after a failed update, the previous version has at least this long to become ready


def install(within_s: float, *, anyway: bool = False) -> int:
    """Install the program that is running now.

    within_s: as in `put_in`.
    anyway: whether to accept a disk that seems to lose its changes at power-off.
    """
    with alone(anyway), signals_as_exceptions():
        version = put_in(ROOT, within_s)
    if not is_booted():
        print(f"Installed in {version}; it plays from the next start of this machine.")
        return 0
    print(f"Installed in {version}; it plays from now on and from every start of this machine.")
    print(f"Its settings: {SETTINGS}; its state: {HOME}/current/timbrebox service status")
    return 0


def update(source: Path, within_s: float, *, anyway: bool = False) -> int:
    """Replace the installed program by the one in `source`, a folder or an archive.

    within_s, anyway: as in `install`.
    """
    refuse_not_installed()
    with alone(anyway), signals_as_exceptions(), opened(source, UNPACKED) as folder:
        version = put_in(folder, within_s)
    print(f"Updated: {version.name} plays.")
    return 0


def refuse_not_installed() -> None:
    """UserError if there is no installed version."""
    if Versions(HOME).current() is None:
        raise UserError("service update", "no service", "an installed one", "type: sudo ./timbrebox service install")


def put_in(source: Path, within_s: float) -> Path:
    """Install and start the program in `source`, and return the folder of the new version.

    within_s: the time in which the new version must become ready. If the new version does not, UserError is raised, and
        the previous version plays again, if there is one.
    """
    version_of(source)
    versions, old = Versions(HOME), Versions(HOME).current()
    before = properties("MainPID").get("MainPID", "") if is_booted() else ""
    try:
        make_user()
        _write_first_settings(source)
        new = versions.add(source)
        since_s = int(time.time())
        try:
            _play(versions, new)
            problem = restart(within_s) if is_booted() else ""
        except BaseException:  # after a signal, too, the old version must play again
            if old is not None:
                _play(versions, old)
            raise
        if problem:
            last = last_line(since_s, besides=before)
            _go_back(versions, old, new, f"{problem}{f', and last said: {last}' if last else ''}", within_s)
        versions.prune(new, old)
    except OSError as error:
        raise UserError(HOME, error.strerror or str(error), "a disk with room", "free some space") from None
    return new


def uninstall(*, purge: bool) -> int:
    """Stop the service and delete the program.

    purge: whether to delete the service's user, settings, sounds and recordings as well.
    """
    if PACKAGED.exists() and "DPKG_MAINTSCRIPT_NAME" not in os.environ:
        remedy = f"type: sudo apt-get {'purge' if purge else 'remove'} timbrebox"
        raise UserError("service uninstall", "a Debian package", "an installation by service install", remedy)
    _refuse_checkout()
    units = _our_units()
    if not units and not HOME.exists() and not purge:
        print("The service is not installed; nothing to remove.")
        return 0
    for unit in units:
        call("systemctl", "disable", *(["--now"] if is_booted() else []), unit.name)
        unit.unlink()
    _reload()
    ANNOUNCED.unlink(missing_ok=True)  # the file announces a page that no longer exists
    shutil.rmtree(UPDATE_NEWS.parent, ignore_errors=True)
    shutil.rmtree(HOME, ignore_errors=True)
    if not purge:
        print(f"Removed. Settings ({SETTINGS.parent}) and sounds ({STATE}) stay; to delete both: uninstall --purge")
        return 0
    for folder in (STATE, SETTINGS.parent):
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["userdel", USER], capture_output=True, check=False)
    print("Removed, with settings, sounds and recordings.")
    return 0


def _play(versions: Versions, version: Path) -> None:
    versions.switch(version)
    folder = version / "runtime" / "service"
    new = sorted(path for path in folder.glob(f"{USER}*") if path.suffix in _SUFFIXES)
    for unit in new:
        with atomic_write(UNITS / unit.name, "wb") as stream:
            stream.write(read_bounded_file(unit, "a unit file", _LARGEST_BYTES))
        (UNITS / unit.name).chmod(0o644)
    for left in _our_units():
        if left.name not in {unit.name for unit in new}:
            # The update's service must not be stopped, because this code may be running in it.
            is_stopped = is_booted() and left.name != f"{UPDATE}.service"
            call("systemctl", "disable", *(["--now"] if is_stopped else []), left.name)
            left.unlink()
    _reload()
    call("systemctl", "enable", UNIT, *(unit.name for unit in new if unit.suffix == ".path"))
    for unit in new:
        if is_booted() and unit.name not in (UNIT, f"{UPDATE}.service"):
            # The owner decides whether the other services run. So a stopped one stays stopped: `try-restart` restarts
            # only a service that runs.
            action = "restart" if unit.suffix == ".path" else "try-restart"
            call("systemctl", action, "--no-block", unit.name)


def _go_back(versions: Versions, old: Path | None, new: Path, found: str, within_s: float) -> None:
    """Play the old version again, if there is one, and raise UserError. found: what is wrong with the new version."""
    if old is None:
        raise UserError("service", found, "READY", f"see: journalctl -u {USER}; it stays installed and keeps trying")
    _play(versions, old)
    again = restart(max(within_s, _OLD_WITHIN_S))
    versions.prune(old)
    state = f"the version before, {old.name}, {'plays again' if not again else 'is back, but is ' + again}"
    raise UserError(f"service, {new.name}", found, f"READY within {within_s:g} s", state)


def _write_first_settings(source: Path) -> None:
    """Write the settings file if there is none.

    It gets the settings that the owner edited in an older installation. If there are no such settings, it gets the
    defaults.
    """
    if SETTINGS.exists():
        return
    older, example = HOME / "configs" / "instrument.yaml", source / "configs" / "instrument.yaml"
    content = read_bounded_file(_FIRST_SETTINGS, "settings", _LARGEST_BYTES)
    with suppress(UserError):
        edited = read_bounded_file(older, "settings", _LARGEST_BYTES)
        content = content if edited == example.read_bytes() else edited
    with atomic_write(SETTINGS, "wb") as stream:
        stream.write(content)
    SETTINGS.parent.chmod(0o755)
    SETTINGS.chmod(0o644)


def _our_units() -> list[Path]:
    """The service's unit files: those that contain the path HOME. The owner's units with similar names do not."""
    units = sorted(path for path in UNITS.glob(f"{USER}*") if path.suffix in _SUFFIXES)
    return [path for path in units if str(HOME) in path.read_text(encoding="utf-8", errors="replace")]


def _reload() -> None:
    if is_booted():
        call("systemctl", "daemon-reload")


def _refuse_checkout() -> None:
    """UserError if a checkout lies in HOME, where versions are installed and deleted."""
    if (HOME / ".git").exists() or ROOT == HOME:
        raise UserError(HOME, "a checkout", "a folder for the service alone", f"move it: sudo mv {HOME} /opt/checkout")


@contextmanager
def alone(anyway: bool) -> Iterator[None]:
    """Lock HOME for one installation; UserError if another installation runs or HOME is unsuitable.

    If this process is killed, the kernel releases the lock.
    anyway: as in `install`.
    """
    _refuse_checkout()
    if not anyway:
        refuse_fleeting_disk(HOME)
    make_folder(HOME)
    with open(HOME / ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("service", "another installation under way", "one at a time", "wait for it") from None
        yield
