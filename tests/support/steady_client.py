"""A JACK client with a fixed work in each block, as a yardstick for `play`: what is late here, the machine made late.

python -m tests.support.steady_client MINUTES WORK_MS plays silence; at its end it prints a line of `Steady` as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
import pyaudio

from tests.support.places import ROOT
from tests.support.rig import SAMPLE_RATE_HZ, JackServer

BUFFER_FRAMES = 256


class Steady(NamedTuple):
    """Counts of a steady client: blocks, late blocks; work_ms: the mean work of a block."""

    n_blocks: int
    n_late: int
    work_ms: float


def run_steady(server: JackServer, minutes: float, work_ms: float) -> Steady:
    """Run a steady client on a JACK server, with about `work_ms` of work in each block."""
    command = [sys.executable, "-m", "tests.support.steady_client", str(minutes), str(work_ms)]
    done = subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, check=True)
    return Steady(*json.loads(done.stdout.splitlines()[-1]))


class _Work:
    """Transforms noise as often as fits into `work_ms`, by the least time of several trials."""

    def __init__(self, work_ms: float):
        self._noise = np.random.default_rng(0).standard_normal((4, 2048)).astype(np.float32)
        trials = [self._seconds(100) / 100 for _ in range(20)]
        self._n = max(1, round(1e-3 * work_ms / min(trials)))
        self.n_blocks = self.n_late = 0
        self.seconds = 0.0

    def _seconds(self, n: int) -> float:
        begin_s = time.perf_counter()
        for _ in range(n):
            np.fft.rfft(self._noise, axis=1)
        return time.perf_counter() - begin_s

    def block(self, *_: object) -> tuple[bytes, int]:
        took_s = self._seconds(self._n)
        self.n_blocks += 1
        self.n_late += took_s > BUFFER_FRAMES / SAMPLE_RATE_HZ
        self.seconds += took_s
        return bytes(8 * BUFFER_FRAMES), pyaudio.paContinue


def main() -> None:
    """Play silence for the given minutes, and print the counts."""
    minutes, work = float(sys.argv[1]), _Work(float(sys.argv[2]))
    driver = pyaudio.PyAudio()
    host_apis = [driver.get_host_api_info_by_index(k) for k in range(driver.get_host_api_count())]
    device = next(api["defaultOutputDevice"] for api in host_apis if api["type"] == pyaudio.paJACK)
    stream = driver.open(
        SAMPLE_RATE_HZ, 2, pyaudio.paFloat32, output=True, output_device_index=device,
        frames_per_buffer=BUFFER_FRAMES, stream_callback=work.block,
    )  # fmt: skip
    time.sleep(60.0 * minutes)
    stream.stop_stream()
    print(json.dumps(Steady(work.n_blocks, work.n_late, 1e3 * work.seconds / work.n_blocks)), flush=True)
    os._exit(0)  # PortAudio may wait for ever for a JACK server that has a real-time client


if __name__ == "__main__":
    main()
