"""Checks the disk."""

from __future__ import annotations

import os
from pathlib import Path

from runtime.base.user_folders import data_folder, state_folder
from runtime.doctor.findings import BAD, GOOD, MEND, Finding, Given
from runtime.service.places import STATE

BAD_BELOW_MB, MEND_BELOW_MB = 20, 500
RECORDING_MB_A_MINUTE = 11


def check_disk(given: Given) -> list[Finding]:
    """Check whether the folders of the user's files can be written and have room; also the room of the service's."""
    # In a service, both are the same folder. Then the last text counts.
    own = {state_folder(): "the last state", data_folder(): "sounds and recordings"}
    service = given.root / STATE.relative_to("/")
    if service in own or not service.is_dir():
        return [_checked(own)]
    return [_checked(own), _checked({service: "sounds and recordings"}, is_own=False)]


def _checked(folders: dict[Path, str], is_own: bool = True) -> Finding:
    """Look at folders; only this user's own ones must be writable."""
    free_mb = {}
    for folder, what in folders.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        found = os.statvfs(there)
        if found.f_flag & os.ST_RDONLY:
            says = f"{what} cannot be kept: {there} is on a disk that can only be read"
            remedy = f"sudo mount -o remount,rw \"$(findmnt -n -o TARGET --target '{there}')\""
            return Finding("Disk", MEND, says, remedy)
        if is_own and not os.access(there, os.W_OK | os.X_OK):
            says = f"{what} cannot be kept: this user may not write in {there}"
            return Finding("Disk", BAD, says, f"sudo chown -R $USER '{there}'")
        free_mb[folder] = found.f_bavail * found.f_frsize / 1e6
    tightest = min(free_mb, key=free_mb.get)
    least_mb = free_mb[tightest]
    says = f"{least_mb / 1000:,.1f} GB free" if least_mb >= 1000 else f"{least_mb:,.0f} MB free"
    if least_mb < MEND_BELOW_MB:
        minutes = least_mb / RECORDING_MB_A_MINUTE
        says += f" in {tightest}"
        says += f", {minutes:,.0f} minutes of recording" if least_mb >= BAD_BELOW_MB else ": nothing can be saved"
        du, place = ("du", "~") if is_own else ("sudo du", tightest)
        remedy = f"find what is large: {du} -xh {place} | sort -h | tail -20"
        return Finding("Disk", MEND if least_mb >= BAD_BELOW_MB else BAD, says, remedy)
    says += ", and these can be written: " if is_own else " for the service, in "
    return Finding("Disk", GOOD, says + ", ".join(map(str, folders)))
