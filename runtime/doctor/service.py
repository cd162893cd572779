"""Checks the boot service."""

from __future__ import annotations

import re

from runtime.doctor.findings import BAD, GOOD, MEND, Finding, Given, output_of

UNIT = "timbrebox.service"
_NAMES = "LoadState,UnitFileState,ActiveState,StatusText,NRestarts,Result"
MOST_REASONS = 3
# Patterns of the lines that systemd writes to the journal when a service fails. After each: the doctor's words for it.
_REASONS = (
    (r"code=killed, status=9/KILL", "it was killed"),
    (r"[Ww]atchdog timeout", "it hung, and the watchdog ended it"),
    (r"code=dumped|status=11/SEGV|status=6/ABRT", "it crashed"),
    (r"oom-kill|out of memory", "there was too little memory"),
    (r"code=killed, status=(\S+?)[.,]?$", "it was ended by a signal"),
    (r"code=exited, status=(\S+?)[.,]?$", "it ended with an error"),
)


def check_service(given: Given) -> list[Finding]:
    """Check the service's state (from systemd) and its latest restarts (from the journal)."""
    if not (given.root / "run/systemd/system").is_dir():
        return [Finding("Service", GOOD, "this machine was not started by systemd, so there is none")]
    answer = output_of("systemctl", "show", UNIT, f"--property={_NAMES}")
    if answer is None:
        return [Finding("Service", MEND, "systemd does not answer", "see why: systemctl status")]
    known = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    if known.get("LoadState") != "loaded":
        says = "not installed; to play from power-on: sudo ./timbrebox service install"
        return [Finding("Service", GOOD, says)]
    return [_judged(known, restarts(output_of(*_JOURNAL) or ""))]


_JOURNAL = ("journalctl", f"--unit={UNIT}", "_PID=1", "--lines=200", "--output=short-iso", "--quiet", "--no-pager")


def _judged(known: dict[str, str], reasons: list[str]) -> Finding:
    state, n_restarts = known.get("ActiveState"), int(known.get("NRestarts") or 0)
    boot = "" if known.get("UnitFileState") == "enabled" else "; it does not start with the machine"
    why = f", the last: {'; '.join(reasons)}" if reasons else ""
    often = f"restarted by itself {n_restarts} time{'s' if n_restarts != 1 else ''}{why}"
    times = often if n_restarts else "never restarted by itself"
    if state != "active":
        says = f"it is installed, but {'has failed' if state == 'failed' else 'does not run'}; {times}{boot}"
        see = f"see why: journalctl -u {UNIT} -n 30; then: sudo systemctl restart {UNIT}"
        return Finding("Service", BAD if state == "failed" else MEND, says, see)
    says = f"runs; {times}{boot}"
    if boot:
        return Finding("Service", MEND, says, f"sudo systemctl enable {UNIT}")
    if n_restarts:
        return Finding("Service", MEND, says, f"see what came before: journalctl -u {UNIT} -n 100")
    return Finding("Service", GOOD, says)


def restarts(journal: str) -> list[str]:
    """When and why the service ended, for the latest MOST_REASONS times.

    journal: systemd's lines, in journalctl's format short-iso.
    """
    found = []
    for line in journal.splitlines():
        if not re.search(r"Main process exited|[Ww]atchdog timeout|oom-kill", line):
            continue
        date = line[:16].replace("T", " ")
        for pattern, reason in _REASONS:
            match = re.search(pattern, line.strip())
            if match:
                detail = f" ({match[1]})" if match.re.groups else ""
                found.append((date, f"{reason}{detail}"))
                break
    # After the watchdog's line, systemd logs the signal that ended the program: keep only the watchdog's.
    merged: list[tuple[str, str]] = []
    for date, reason in found:
        if merged and merged[-1][0] == date and "watchdog" in merged[-1][1] and "watchdog" not in reason:
            continue
        merged.append((date, reason))
    return [f"{date} {reason}" for date, reason in merged[-MOST_REASONS:]]
