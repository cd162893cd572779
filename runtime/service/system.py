"""What the service needs from the machine: systemd, a user, and a disk that keeps data at power-off."""

from __future__ import annotations

import json
import pwd
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from runtime.base.errors import UserError
from runtime.service.places import STATE, UNIT, USER

MOST_RESTARTS = 3  # after this many restarts by systemd, `restart` stops waiting
STEADY_S = 3.0
_LOOK_EVERY_S = 0.2
_FLEETING = {"tmpfs", "ramfs"}
_MOUNTINFO = Path("/proc/self/mountinfo")


class Mount(NamedTuple):
    """A mounted file system.

    point: the folder at which it is mounted.
    kind: its type, such as ext4.
    upper: for an overlay, the folder that holds its changes; else empty.
    """

    point: str
    kind: str
    upper: str


def call(*command: object) -> str:
    """Run a program and return its output. If it fails, raise a UserError with its error text."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = done.stderr.strip() or f"status {done.returncode}"
        raise UserError(f"service, {' '.join(words)}", said, "success", f"see: journalctl -u {USER}")
    return done.stdout


def is_booted() -> bool:
    """Whether systemd has started this machine."""
    return Path("/run/systemd/system").is_dir()


def make_user() -> None:
    """Make the user that the service runs as, unless it exists."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        call("useradd", "--system", "--home-dir", STATE, "--no-create-home", "--shell", "/usr/sbin/nologin", USER)


def properties(*names: str) -> dict[str, str]:
    """Properties of the service's unit, by systemd's names."""
    answer = call("systemctl", "show", UNIT, f"--property={','.join(names)}")
    return dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)


def restart(within_s: float) -> str:
    """Restart the service, and wait until it has been ready for STEADY_S; return an empty text, or what is wrong.

    within_s: the time in which it must become ready.
    """
    wanted = ("ActiveState", "InvocationID", "NRestarts")
    before = properties(*wanted).get("InvocationID")
    call("systemctl", "reset-failed", UNIT)
    call("systemctl", "restart", "--no-block", UNIT)
    ends_s, ready = time.monotonic() + within_s, ("", 0.0)
    while time.monotonic() < ends_s or ready[0]:
        now = properties(*wanted)
        run, is_active = now.get("InvocationID", ""), now.get("ActiveState") == "active"
        if not is_active or run == before:
            ready = ("", 0.0)
        elif run != ready[0]:
            ready = (run, time.monotonic() + STEADY_S)
        elif time.monotonic() > ready[1]:
            return ""
        if int(now.get("NRestarts") or 0) >= MOST_RESTARTS:
            return f"a program that ended {MOST_RESTARTS} times"
        time.sleep(_LOOK_EVERY_S)
    return f"a program that was not ready after {within_s:g} s"


def last_line(since_s: int = 0, besides: str = "") -> str:
    """The last line in the journal that the program itself printed, or an empty text.

    since_s: the time of the earliest line, in seconds since 1970.
    besides: the id of the previous run's process, as text. The lines of that process are ignored, because some of them
        may be logged after the next run has begun.
    """
    fields = "--output-fields=MESSAGE,_PID"
    command = [
        "journalctl",
        f"--identifier={USER}",
        f"--since=@{since_s}",
        "--lines=50",
        "--output=json",
        fields,
        "--quiet",
        "--no-pager",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10, check=False)
        entries = [json.loads(line) for line in done.stdout.splitlines()]
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    said = [str(entry.get("MESSAGE")) for entry in entries if entry.get("_PID") != besides]
    return " ".join(said[-1].split()) if said else ""


def refuse_fleeting_disk(path: Path, mounts: str | None = None) -> None:
    """UserError if files at `path` would be lost at power-off.

    They would be lost in a file system in memory, and in an overlay that keeps its changes in memory.

    mounts: text like /proc/self/mountinfo; None for this machine's mounts.
    """
    known = _mounts(mounts if mounts is not None else _mountinfo())
    mount = _mount_of(path, known)
    if mount.kind in _FLEETING:
        raise UserError(path, f"a file system in memory ({mount.kind})", "a disk", "install on a disk")
    # If the root itself is an overlay, its upper folder cannot be seen; the folder is taken to be in memory.
    if mount.kind == "overlay" and (
        not Path(mount.upper).is_dir() or _mount_of(Path(mount.upper), known).kind in _FLEETING
    ):
        raise UserError(
            path,
            f"a read-only system: {mount.point} is an overlay, whose changes are lost at power-off",
            "a disk that keeps them",
            "switch the overlay off (sudo raspi-config nonint do_overlayfs 1; sudo reboot), do this, switch it on "
            "again; where the overlay does lie on a disk, add --anyway",
        )


def _mountinfo() -> str:
    try:
        return _MOUNTINFO.read_text(errors="replace")
    except OSError as error:
        remedy = "mount /proc first; if the disk keeps what is written, add --anyway"
        raise UserError(_MOUNTINFO, error.strerror, "the list of mounted disks", remedy) from None


def _mounts(text: str) -> list[Mount]:
    """Parse mountinfo; its lines end with " - ", a type, a device and options. Source: proc_pid_mountinfo(5)."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        if after:
            options = dict(option.partition("=")[::2] for option in after.split(" ")[-1].split(","))
            found.append(Mount(before.split(" ")[4], after.split(" ")[0], options.get("upperdir", "")))
    return found


def _mount_of(path: Path, mounts: list[Mount]) -> Mount:
    path = path.resolve()
    inside = [mount for mount in mounts if path.is_relative_to(mount.point)]
    # Of two mounts at the same point, the later one covers the earlier one.
    return max(enumerate(inside), key=lambda item: (len(item[1].point), item[0]), default=(0, Mount("/", "", "")))[1]
