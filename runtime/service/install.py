"""Installs, removes and describes the systemd service that plays from power-on."""

from __future__ import annotations

import compileall
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from runtime.base.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
UNIT = Path(__file__).with_name("timbrebox.service")
USER = "timbrebox"
HOME = Path("/opt/timbrebox")
STATE = Path("/var/lib/timbrebox")
INSTALLED_UNIT = Path("/etc/systemd/system") / UNIT.name
LAST_LINE = "LastLine"  # not systemd's: the program's last line in the journal
PARTS = ("timbrebox", "LICENSE", "pyproject.toml", "runtime", "configs", "instruments", ".venv")


def install() -> int:
    """Copy the runtime to /opt/timbrebox and the unit to /etc/systemd/system; start the service, now and at boot."""
    refuse_hidden_python(Path(sys.executable).resolve())
    if not user_exists():
        _call("useradd", "--system", "--home-dir", STATE, "--no-create-home", "--shell", "/usr/sbin/nologin", USER)
    if ROOT != HOME:
        copy_runtime(ROOT, HOME)
    partial = INSTALLED_UNIT.with_suffix(".partial")
    shutil.copyfile(UNIT, partial)
    partial.chmod(0o644)
    partial.replace(INSTALLED_UNIT)
    _call("systemctl", "daemon-reload")
    _call("systemctl", "enable", UNIT.name)
    _call("systemctl", "restart", UNIT.name)
    print(f"Installed in {HOME}; it plays from now on and from every start of this machine.")
    print("See its state: ./timbrebox service status. After an update or a new instrument: service install again.")
    return 0


def remove() -> int:
    """Stop the service and delete the files that `install` wrote, but neither the service's user nor its data."""
    if not INSTALLED_UNIT.exists() and not HOME.exists():
        print("The service is not installed; nothing to remove.")
        return 0
    if INSTALLED_UNIT.exists():
        _call("systemctl", "disable", "--now", UNIT.name)
        INSTALLED_UNIT.unlink()
        _call("systemctl", "daemon-reload")
    if ROOT != HOME:
        shutil.rmtree(HOME, ignore_errors=True)
    print(f"Removed. The user {USER!r} and its data in {STATE} stay; to delete both: userdel --remove {USER}")
    return 0


def copy_runtime(source: Path, target: Path) -> None:
    """Copy the files that playing needs, readable by all and writable by their owner; replaces the whole target."""
    partial, old = target.with_suffix(".partial"), target.with_suffix(".old")
    for left_over in (partial, old):
        shutil.rmtree(left_over, ignore_errors=True)
    partial.mkdir(parents=True)
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, partial / part, symlinks=True)
        elif (source / part).exists():
            shutil.copy2(source / part, partial / part)
    for path in (partial, *partial.rglob("*")):
        os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    compileall.compile_dir(partial / "runtime", quiet=2)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def refuse_hidden_python(python: Path) -> None:
    """UserError if the Python of `.venv` lies in a directory that the service cannot reach."""
    hidden = any(python.is_relative_to(place) for place in ("/home", "/root", "/run/user"))
    if hidden or not all(path.stat().st_mode & stat.S_IXOTH for path in (python, *python.parents)):
        raise UserError(
            "service install",
            f"the Python {python}, which only its owner can reach",
            "one for the whole machine",
            f"type: rm -r {ROOT}/.venv && sudo env PATH=/usr/sbin:/usr/bin:/sbin:/bin ./timbrebox service install",
        )


def user_exists() -> bool:
    """Whether the user that the service runs as exists."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


def read_status() -> dict[str, str]:
    """The unit's properties that `status_line` shows, by systemd's names."""
    names = "LoadState,UnitFileState,ActiveState,SubState,StatusText,NRestarts"
    answer = subprocess.run(
        ["systemctl", "show", UNIT.name, f"--property={names}"], capture_output=True, text=True, check=True
    ).stdout
    known = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    if known.get("LoadState") == "loaded" and (known.get("ActiveState") != "active" or not known.get("StatusText")):
        known[LAST_LINE] = _last_line()
    return known


def _last_line() -> str:
    """The last line that the program itself printed, as the journal has it; an empty text if there is none."""
    command = ["journalctl", f"--identifier={USER}", "--lines=1", "--output=cat", "--quiet", "--no-pager"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.split())


def status_line(known: dict[str, str]) -> str:
    """The properties of `read_status` as one line for the user."""
    if known.get("LoadState") != "loaded":
        return "The service is not installed; to install it: sudo ./timbrebox service install"
    states = {"active": "runs", "activating": "is starting", "failed": "has failed"}
    plays = states.get(known["ActiveState"], "is stopped")
    boot = "starts with the machine" if known.get("UnitFileState") == "enabled" else "does not start with the machine"
    news = known.get("StatusText", "") if known["ActiveState"] == "active" else ""
    news = news or known.get(LAST_LINE, "")
    news = f": {news.rstrip('.')}" if news else ""
    return f"The service {plays}{news}; it {boot}; restarted by itself {known.get('NRestarts', '0')} times."


def _call(*command: object) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"status {done.returncode}"
        raise UserError(f"service, {' '.join(words)}", said, "success", f"see: journalctl -u {USER}")
