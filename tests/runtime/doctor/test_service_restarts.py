"""The doctor reads the service's restarts from systemd's journal."""

from __future__ import annotations

from runtime.doctor.findings import BAD, GOOD, MEND
from runtime.doctor.service import _judged, restarts

JOURNAL = """\
2026-11-27T10:00:01+0000 box systemd[1]: Started timbrebox.service - Timbrebox, a neural synthesizer.
2026-11-27T10:05:01+0000 box systemd[1]: timbrebox.service: Main process exited, code=killed, status=9/KILL
2026-11-27T10:05:01+0000 box systemd[1]: timbrebox.service: Failed with result 'signal'.
2026-11-27T10:05:02+0000 box systemd[1]: timbrebox.service: Scheduled restart job, restart counter is at 1.
2026-11-27T11:00:00+0000 box systemd[1]: timbrebox.service: Watchdog timeout (limit 10s)!
2026-11-27T11:00:00+0000 box systemd[1]: timbrebox.service: Killing process 81 (python) with signal SIGKILL.
2026-11-27T11:00:00+0000 box systemd[1]: timbrebox.service: Main process exited, code=killed, status=9/KILL
2026-11-28T08:00:00+0000 box systemd[1]: timbrebox.service: Main process exited, code=exited, status=1/FAILURE
2026-11-28T09:00:00+0000 box systemd[1]: timbrebox.service: Main process exited, code=dumped, status=11/SEGV
"""


def test_the_last_three_restarts_in_words() -> None:
    assert restarts(JOURNAL) == [
        "2026-11-27 11:00 it hung, and the watchdog ended it",
        "2026-11-28 08:00 it ended with an error (1/FAILURE)",
        "2026-11-28 09:00 it crashed",
    ]
    assert restarts("") == []
    assert restarts("\n".join(JOURNAL.splitlines()[:3])) == ["2026-11-27 10:05 it was killed"]


def test_the_verdict_on_the_service() -> None:
    runs = {"ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0"}
    assert _judged(runs, []).verdict == GOOD
    restarted = _judged(runs | {"NRestarts": "2"}, restarts(JOURNAL))
    assert restarted.verdict == MEND
    assert "2 times, the last: 2026-11-27 11:00 it hung" in restarted.says
    assert _judged(runs | {"ActiveState": "failed"}, []).verdict == BAD
    assert "systemctl enable" in _judged(runs | {"UnitFileState": "disabled"}, []).mend
