"""Checks the system's limits for real-time work: priority and locked memory."""

from __future__ import annotations

import os
import resource
import sys

from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.doctor.findings import GOOD, MEND, Finding, Given

NEEDED_MEMLOCK_MB = 512
_LIMITS = "@audio - rtprio 95\\n@audio - memlock unlimited\\n"
_RAISE = (
    f"printf '{_LIMITS}' | sudo tee /etc/security/limits.d/95-audio.conf && "
    "sudo usermod -a -G audio $USER && echo 'now log out, and in again'"
)
_CONTAINER = "run it outside of a container, or give the container: --cap-add=SYS_NICE --ulimit memlock=-1"


def check_limits(_given: Given) -> list[Finding]:
    """Check whether the system permits real-time priority, and enough locked memory.

    Any of several settings can permit the priority. So the check does not read settings, but tries to get the priority.
    """
    if sys.platform != "linux":
        return []
    with promoted(AUDIO_PRIORITY) as permitted:
        pass
    locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    can_lock = os.geteuid() == 0 or locked == resource.RLIM_INFINITY or locked >= NEEDED_MEMLOCK_MB * 2**20
    remedy = _CONTAINER if os.geteuid() == 0 else _RAISE
    if not permitted:
        says = f"not allowed (rtprio {_shown(resource.RLIMIT_RTPRIO)}): other programs can interrupt the sound"
        return [Finding("Real time", MEND, says, remedy)]
    if not can_lock:
        says = f"priority allowed, but memory may be swapped out (memlock {_shown(resource.RLIMIT_MEMLOCK, 1024)} kB)"
        return [Finding("Real time", MEND, says, remedy)]
    return [Finding("Real time", GOOD, f"priority {AUDIO_PRIORITY} allowed, memory stays out of swap")]


def _shown(limit: int, unit: int = 1) -> str:
    value = resource.getrlimit(limit)[0]
    return "unlimited" if value == resource.RLIM_INFINITY else str(value // unit)
