"""Takes the real-time priority from an audio thread that never pauses: no other thread could run on its core.

PortAudio 19.6 can play a USB sound card directly. When this card is pulled out, PortAudio's thread asks for the card's
state without a pause until the stream is closed. The thread that would close the stream has a lower priority.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from runtime.base.realtime import AUDIO_PRIORITY, promote_thread

_LOOK_S = 0.1
_LOOKS = 3  # the thread loses its priority if this many looks in a row find that it runs and has not paused


class GuardedThread:
    """A thread in another process of this user. `look` must be called every 0.1 s.

    process_id, thread_id: the numbers that the operating system gave to the process and to the thread.
    """

    def __init__(self, process_id: int, thread_id: int):
        self._thread_id, self._status = thread_id, Path(f"/proc/{process_id}/task/{thread_id}/status")
        self._n_pauses, self._n_found = -1, 0
        self._former: tuple[int, os.sched_param] | None = None

    def look(self) -> None:
        """Take the real-time priority from the thread if it does not pause; give it back when the thread pauses again.

        OSError if the thread has ended.
        """
        runs, n_pauses = _runs_and_pauses(self._status.read_text())
        if n_pauses != self._n_pauses:
            self._n_pauses, self._n_found = n_pauses, 0
            if self._former is not None:
                os.sched_setscheduler(self._thread_id, *self._former)
                self._former = None
        elif runs:
            self._n_found += 1
            if self._n_found == _LOOKS:
                self._former = os.sched_getscheduler(self._thread_id), os.sched_getparam(self._thread_id)
                os.sched_setscheduler(self._thread_id, os.SCHED_OTHER, os.sched_param(0))


class ThreadGuard:
    """Guards one thread. The guard runs on a thread of its own, with a higher priority.

    The guard must not run in the guarded thread's process. There it might wait for Python's interpreter lock while the
    thread that holds the lock gets no processor time.
    """

    def __init__(self) -> None:
        self._guarded: GuardedThread | None = None
        self._thread = threading.Thread(target=self._run, name="thread-guard", daemon=True)

    def watch(self, process_id: int, thread_id: int) -> None:
        """Guard this thread from now on, and no other."""
        self._guarded = GuardedThread(process_id, thread_id)
        if not self._thread.is_alive():
            self._thread.start()

    def _run(self) -> None:
        promote_thread(AUDIO_PRIORITY + 1)
        while True:
            guarded = self._guarded
            try:
                if guarded is not None:
                    guarded.look()
            except OSError:  # the thread has ended
                if self._guarded is guarded:
                    self._guarded = None
            time.sleep(_LOOK_S)


def _runs_and_pauses(status: str) -> tuple[bool, int]:
    """Whether a thread runs or could run, and how often it has paused; source: proc_pid_status(5)."""
    facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return facts["State"].strip().startswith("R"), int(facts["voluntary_ctxt_switches"])
