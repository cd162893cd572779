"""Counts stalls of the machine: times at which even a thread of very high priority had to wait.

python -m tests.support.rig_stalls PROCESSOR LIMIT_S watches one processor until standard input ends. For each byte of
it, and at the end, it prints how often a sleep of 1 ms has taken longer than LIMIT_S seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from runtime.base.realtime import promote_thread

WATCH_PRIORITY = 90
_SLEEP_S = 0.001
_READY = "ready"


def watch(processor: int, limit_s: float) -> None:
    """Count one processor's stalls; prints the count at each byte of the standard input, and at its end."""
    os.sched_setaffinity(0, {processor})
    promote_thread(WATCH_PRIORITY)
    os.set_blocking(sys.stdin.fileno(), False)
    print(_READY, flush=True)
    n_stalls, last_s = 0, time.perf_counter()
    while (asked := sys.stdin.buffer.raw.read(1)) != b"":
        if asked is not None:
            print(n_stalls, flush=True)
        time.sleep(_SLEEP_S)
        now_s = time.perf_counter()
        n_stalls += now_s - last_s > limit_s
        last_s = now_s
    print(n_stalls, flush=True)


class MachineStalls:
    """Counts stalls of all processors longer than `limit_s`: inside a `with` by `so_far`, afterwards in `n_stalls`."""

    def __init__(self, limit_s: float):
        self._limit_s = limit_s
        self.n_stalls = 0

    def __enter__(self) -> MachineStalls:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "tests.support.rig_stalls"]
        self._watchers = [
            subprocess.Popen([*command, str(processor), str(self._limit_s)], **pipes)
            for processor in sorted(os.sched_getaffinity(0))
        ]
        for watcher in self._watchers:
            watcher.stdout.readline()
        return self

    def so_far(self) -> int:
        for watcher in self._watchers:
            watcher.stdin.write("?")
            watcher.stdin.flush()
        return sum(int(watcher.stdout.readline()) for watcher in self._watchers)

    def __exit__(self, *_: object) -> None:
        self.n_stalls = sum(int(watcher.communicate()[0]) for watcher in self._watchers)


if __name__ == "__main__":
    watch(int(sys.argv[1]), float(sys.argv[2]))
