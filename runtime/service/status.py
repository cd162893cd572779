"""Reports the service's state."""

from __future__ import annotations

from runtime.service.places import HOME, SETTINGS, UNIT, USER
from runtime.service.system import last_line, properties
from runtime.service.versions import Versions

# Two keys that systemd does not have. LastLine: the program's newest line in the journal. Version: the name of the
# installed version.
LAST_LINE = "LastLine"
VERSION = "Version"
_NAMES = ("LoadState", "UnitFileState", "ActiveState", "SubState", "StatusText", "NRestarts", "Result")
_WHY = {
    "oom-kill": "it took too much memory",
    "watchdog": "it hung",
    "timeout": "it was not ready in time",
    "signal": "it was killed",
    "exit-code": "it ended with an error",
    "core-dump": "it crashed",
}


def read_status() -> dict[str, str]:
    """The unit's properties, by systemd's names, and our own VERSION and LAST_LINE."""
    known = properties(*_NAMES)
    if known.get("LoadState") == "loaded":
        current = Versions(HOME).current()
        known[VERSION] = current.name if current else ""
        if known.get("ActiveState") != "active" or not known.get("StatusText"):
            known[LAST_LINE] = last_line()
    return known


def status_lines(known: dict[str, str]) -> list[str]:
    """What `read_status` found, as lines for the user: the state, each problem, and what to do."""
    if known.get("LoadState") != "loaded":
        return ["The service is not installed; to install it: sudo ./timbrebox service install"]
    is_active = known.get("ActiveState") == "active"
    states = {"active": "runs", "activating": "is starting", "failed": "has failed"}
    plays = states.get(known.get("ActiveState", ""), "is stopped")
    boot = "starts with the machine" if known.get("UnitFileState") == "enabled" else "does not start with the machine"
    version = f" (version {known[VERSION]})" if known.get(VERSION) else ""
    lines = [f"The service {plays}{version}; it {boot}; restarted by itself {known.get('NRestarts') or '0'} times."]
    news = known.get("StatusText", "") if is_active else ""
    # The status text begins with the problems, separated by "; " (runtime/live/watching/news.py).
    lines += [f"  {part}" for part in (news or known.get(LAST_LINE, "")).split("; ") if part]
    if not is_active and known.get("Result") in _WHY:
        lines.append(f"  The last run ended because {_WHY[known['Result']]}.")
    return lines + _mends(known, news, is_active)


def _mends(known: dict[str, str], news: str, is_active: bool) -> list[str]:
    if not is_active and known.get("ActiveState") != "activating":
        return [f"  To start it: sudo systemctl start {UNIT.removesuffix('.service')}"]
    if "settings are not used" in news:
        return [f"  To mend it: correct {SETTINGS}, then: sudo systemctl restart {USER}"]
    if not is_active or int(known.get("NRestarts") or 0) > 0:
        return [f"  What it said: journalctl -u {USER} -b"]
    return []
