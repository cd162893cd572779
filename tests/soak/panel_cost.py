"""Measures by how much rendering slows down while pages are open: `python -m tests.soak.panel_cost --minutes 5`.

16 modulated voices play on a JACK server. During every other minute, four pages are open. They run on the last core.
Each page moves two targets 30 times a second.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import yaml
from websockets.sync.client import ClientConnection, connect

from tests.soak.live_motion import BUFFER_FRAMES, SOUND
from tests.support.panel import Playing
from tests.support.places import ROOT
from tests.support.rig import JackServer
from tests.support.timed_play import BlockTimes

N_PAGES, N_VOICES, RATE_HZ = 4, 16, 30.0
MOST_P99, MOST_P999, MOST_MB = 1.2, 1.5, 60.0
_SETTLE_S = 2.0  # after pages have opened or closed, nothing is measured for this long
TOPICS = ("control", "picture")


def clients(url: str, is_still: bool) -> None:
    """Act as N_PAGES pages until standard input ends.

    is_still: whether the pages leave all targets alone.
    """
    ends = threading.Event()
    with contextlib.ExitStack() as pages:
        threads = [
            threading.Thread(target=_be_a_page, args=(pages.enter_context(connect(url)), k, is_still, ends))
            for k in range(N_PAGES)
        ]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        ends.set()
        for thread in threads:
            thread.join()


def _be_a_page(page: ClientConnection, number: int, is_still: bool, ends: threading.Event) -> None:
    # An older `play` may refuse the second request, because it does not know the topic "picture". The first request
    # still holds then.
    for topics in (TOPICS[:1], TOPICS):
        page.send(json.dumps({"method": "watch", "params": {"topics": topics}, "id": topics[-1]}))
    next_s = time.monotonic()
    while not ends.is_set():
        at = 0.5 + 0.4 * math.sin(2.0 * time.monotonic() + number)
        if not is_still:
            page.send(json.dumps({"method": "moves", "params": {"positions": {"latent.1": at, "pan": at}}}))
        next_s += 1.0 / RATE_HZ
        while (wait_s := next_s - time.monotonic()) > 0.0:
            try:
                page.recv(wait_s)
            except TimeoutError:
                break


def measure(
    server: JackServer, folder: Path, minutes: int, minute_s: float, is_still: bool
) -> tuple[list[list[np.ndarray]], float, str]:
    """Play with open pages during every other minute, and without pages during the rest.

    minutes: how many of each kind.
    minute_s: the length of a minute.
    Returns three things:
    - two lists, one for the minutes without pages and one for those with pages. Each list has an array for each minute:
      how long it took to render each block of that minute, in s
    - the memory of the page's process in MB
    - the program's summary
    """
    settings, sound, times = folder / "rig.yaml", folder / "all.yaml", folder / "times.npy"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": BUFFER_FRAMES}
    settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
    sound.write_text(yaml.safe_dump(SOUND))
    spans: list[list[tuple[float, float]]] = [[], []]
    env, arguments = server.env | {"BLOCK_TIMES": str(times)}, ["--config", settings, "--sound", sound]
    with Playing(arguments, env, module="tests.support.timed_play") as playing, playing.link() as link:
        for k in range(N_VOICES):
            link.ask("note", note=36 + 7 * k % 61, velocity=80)
        for minute in range(2 * minutes):
            is_open = minute % 2
            pages = _pages(playing, is_still) if is_open else None
            time.sleep(_SETTLE_S)
            begin_s, before_s = time.monotonic(), _thread_times_s(playing.process_id)
            time.sleep(minute_s)
            spans[is_open].append((begin_s, time.monotonic()))
            _print_work(bool(is_open), before_s, _thread_times_s(playing.process_id), time.monotonic() - begin_s)
            if pages is not None:
                memory_mb = _memory_mb(playing.panel_process())
                pages.communicate()
        assert playing.stop() == 0
        last = next(line for line in playing.lines if "Stopped" in line).strip()
    noted = BlockTimes(times)
    return [[noted.between(*span) for span in each] for each in spans], memory_mb, last


def _pages(playing: Playing, is_still: bool) -> subprocess.Popen[bytes]:
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "tests.soak.panel_cost", "--clients", f"ws://127.0.0.1:{playing.port}/ws"]
    pages = subprocess.Popen(command + (["--still"] if is_still else []), cwd=ROOT, stdin=subprocess.PIPE)
    os.sched_setaffinity(pages.pid, cores[-1:])
    return pages


def _thread_times_s(process: int) -> dict[str, float]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks}


def _print_work(is_open: bool, before_s: dict[str, float], after_s: dict[str, float], took_s: float) -> None:
    took = sorted(
        (100.0 * (after_s[name] - before_s[name]) / took_s for name in before_s if name in after_s), reverse=True
    )
    shares = ", ".join(f"{share:.2f}" for share in took if share > 0.05)
    print(f"{'with' if is_open else 'without'} pages: {sum(took):.2f} % of a core; by thread: {shares}", flush=True)


def _memory_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+) kB", status)[1]) / 1024.0


def report(durations: list[list[np.ndarray]], memory_mb: float, last: str) -> bool:
    medians = []
    for name, minutes in zip(("without", "with"), durations, strict=True):
        rows = [np.percentile(1000.0 * minute, (50, 99, 99.9)) for minute in minutes]
        medians.append([statistics.median(row[k] for row in rows) for k in range(3)])
        n_late = sum(int(np.sum(minute > BUFFER_FRAMES / 44100.0)) for minute in minutes)
        p50, p99, p999 = medians[-1]
        print(f"{name} pages: p50 {p50:.2f} ms, p99 {p99:.2f}, p99.9 {p999:.2f}; {n_late} late blocks")
    p99, p999 = (medians[1][k] / medians[0][k] for k in (1, 2))
    print(f"with / without: p99 {p99:.2f}, p99.9 {p999:.2f}; the page's process {memory_mb:.0f} MB. {last}")
    return p99 <= MOST_P99 and p999 <= MOST_P999 and memory_mb < MOST_MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=5, help="minutes with pages, and as many without")
    parser.add_argument("--minute-s", type=float, default=60.0, help="seconds of a minute, to try this program")
    parser.add_argument("--still", action="store_true", help="pages move nothing, which leaves the cost of showing")
    parser.add_argument("--clients", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.clients:
        clients(options.clients, options.still)
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with JackServer(folder / "jackd.log", period_frames=BUFFER_FRAMES) as server:
            found = measure(server, folder, options.minutes, options.minute_s, options.still)
    return 0 if report(*found) else 1


if __name__ == "__main__":
    sys.exit(main())
