"""Finds stalls of the machine: times at which even a thread of very high priority had to wait.

python -m tests.support.rig_stalls PROCESSOR LIMIT_S watches one processor until standard input ends. A stall is a sleep
of 1 ms that takes longer than LIMIT_S seconds. For each byte of standard input, and when standard input ends, the
program prints a line of JSON with all stalls so far: each stall's beginning and end, in seconds of `time.monotonic`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from runtime.base.realtime import promote_thread

WATCH_PRIORITY = 90
_SLEEP_S = 0.001
_READY = "ready"
Span = tuple[float, float]


def watch(processor: int, limit_s: float) -> None:
    """Watch one processor; prints its stalls for each byte of standard input, and when standard input ends."""
    os.sched_setaffinity(0, {processor})
    promote_thread(WATCH_PRIORITY)
    os.set_blocking(sys.stdin.fileno(), False)
    print(_READY, flush=True)
    stalls, last_s = [], time.monotonic()
    while (asked := sys.stdin.buffer.raw.read(1)) != b"":
        if asked is not None:
            print(json.dumps(stalls), flush=True)
        time.sleep(_SLEEP_S)
        now_s = time.monotonic()
        if now_s - last_s > limit_s:
            stalls.append((last_s, now_s))
        last_s = now_s
    print(json.dumps(stalls), flush=True)


class MachineStalls:
    """Watches each processor, and finds its stalls that are longer than `limit_s`.

    Inside a `with`, call `so_far` for the stalls until now. After the `with`, `stalls` contains all stalls. A stall is
    (beginning, end), in seconds of `time.monotonic`.
    """

    def __init__(self, limit_s: float):
        self._limit_s = limit_s
        self.stalls: list[Span] = []

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

    def so_far(self) -> list[Span]:
        for watcher in self._watchers:
            watcher.stdin.write("?")
            watcher.stdin.flush()
        return [tuple(stall) for watcher in self._watchers for stall in json.loads(watcher.stdout.readline())]

    def __exit__(self, *_: object) -> None:
        ended = [watcher.communicate()[0].splitlines()[-1] for watcher in self._watchers]
        self.stalls = [tuple(stall) for stalls in ended for stall in json.loads(stalls)]


if __name__ == "__main__":
    watch(int(sys.argv[1]), float(sys.argv[2]))
