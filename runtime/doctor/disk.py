"""Checks the disk."""

from __future__ import annotations

import os
from pathlib import Path

from runtime.base.user_folders import data_folder, state_folder
from runtime.doctor.findings import BAD, GOOD, MEND, Finding, Given

BAD_BELOW_MB, MEND_BELOW_MB = 20, 500
RECORDING_MB_A_MINUTE = 11


def check_disk(_given: Given) -> list[Finding]:
    """Check whether the folders of the user's files can be written and have room."""
    return _checked({data_folder(): "sounds and recordings", state_folder(): "the last state"})


def _checked(folders: dict[Path, str]) -> list[Finding]:
    free_mb = []
    for folder, what in folders.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        found = os.statvfs(there)
        if found.f_flag & os.ST_RDONLY:
            says = f"{what} cannot be kept: {there} is on a disk that can only be read"
            remedy = f"sudo mount -o remount,rw \"$(findmnt -n -o TARGET --target '{there}')\""
            return [Finding("Disk", MEND, says, remedy)]
        if not os.access(there, os.W_OK | os.X_OK):
            says = f"{what} cannot be kept: this user may not write in {there}"
            return [Finding("Disk", BAD, says, f"sudo chown -R $USER '{there}'")]
        free_mb.append(found.f_bavail * found.f_frsize / 1e6)
    least_mb = min(free_mb)
    says = f"{least_mb / 1000:,.1f} GB free" if least_mb >= 1000 else f"{least_mb:,.0f} MB free"
    if least_mb < MEND_BELOW_MB:
        minutes = least_mb / RECORDING_MB_A_MINUTE
        says += f", {minutes:,.0f} minutes of recording" if least_mb >= BAD_BELOW_MB else ": nothing can be saved"
        remedy = "find what is large: du -xh ~ | sort -h | tail -20"
        return [Finding("Disk", MEND if least_mb >= BAD_BELOW_MB else BAD, says, remedy)]
    return [Finding("Disk", GOOD, f"{says}, and the folders can be written")]
