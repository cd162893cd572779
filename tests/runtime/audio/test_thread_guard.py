"""A thread that does not pause loses its priority until it pauses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.audio.thread_guard import GuardedThread, ThreadGuard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the guard reads Linux's /proc")
# The program waits for a line on stdin, then runs without a pause until a signal comes. SCHED_BATCH stands in for a
# real-time priority, because not every user is permitted to set one.
PROGRAM = """
import os, signal, sys, time
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
runs = []
signal.signal(signal.SIGUSR1, lambda *_: runs.clear())
print("ready", flush=True)
sys.stdin.readline()
runs.append(True)
while runs:
    pass
while True:
    time.sleep(0.01)
"""


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        until_s = time.monotonic() + 20
        while "State:\tS" not in Path(f"/proc/{process.pid}/status").read_text():  # S: asleep
            assert time.monotonic() < until_s
            time.sleep(0.01)
        yield process
        process.kill()


def _begin_to_spin(program: subprocess.Popen[str]) -> None:
    program.stdin.write("\n")
    program.stdin.flush()


def _wait_for(policy: int, process_id: int, look: Callable[[], object] = lambda: None) -> None:
    until_s = time.monotonic() + 20
    while os.sched_getscheduler(process_id) != policy:
        assert time.monotonic() < until_s
        look()
        time.sleep(0.05)


def test_a_thread_loses_its_priority_only_while_it_never_pauses(program: subprocess.Popen[str]) -> None:
    guarded = GuardedThread(program.pid, program.pid)
    for _ in range(10):
        guarded.look()
    assert os.sched_getscheduler(program.pid) == os.SCHED_BATCH
    _begin_to_spin(program)
    _wait_for(os.SCHED_OTHER, program.pid, guarded.look)
    program.send_signal(signal.SIGUSR1)
    _wait_for(os.SCHED_BATCH, program.pid, guarded.look)


def test_the_guard_looks_by_itself_and_outlives_the_guarded_thread(program: subprocess.Popen[str]) -> None:
    guard = ThreadGuard()
    with subprocess.Popen(["sleep", "0"]) as ended:
        guard.watch(ended.pid, ended.pid)
    guard.watch(program.pid, program.pid)
    _begin_to_spin(program)
    _wait_for(os.SCHED_OTHER, program.pid)
