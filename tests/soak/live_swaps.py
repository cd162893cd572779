"""Swaps instruments in the real program on a JACK server: `python -m tests.soak.live_swaps --swaps 100`.

16 keys are held, in blocks of 256 frames, and one is struck again every 150 ms. The same is played without swaps in a
run before and a run after; the machine must be able to play this in time. The test fails if, with swaps, more blocks
are late or lost (in JACK's log) than in the worse run without. It also fails if the memory of `play` grows by 2 MB from
the second to the last fifth of the swaps. Only memory that `play` alone has written to is counted, not what it shares
with JACK.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from runtime.link.client import Link
from tests.support.rig import JackServer, LiveProgram, Player, wait_until
from tests.support.rig_stalls import MachineStalls

BUFFER_FRAMES, N_VOICES = 256, 16
PAUSE_S = 2.6  # time between two swaps, enough to strike all 16 keys again
INSTRUMENT, ACTIONS = "strings", ("next_instrument", "previous_instrument")


class Run(NamedTuple):
    """Figures of one run of the program; memory_mb: resident memory after each swap or pause."""

    n_blocks: int
    n_late: int
    n_lost: int
    n_stalls: int
    memory_mb: list[float]


@contextlib.contextmanager
def playing(player: Player) -> Iterator[None]:
    """Inside a `with`, hold 16 keys, and strike them again one after the other."""
    stopped = threading.Event()

    def play() -> None:
        player.send(*([0x90, 36 + 3 * number, 80] for number in range(N_VOICES)))
        number = 0
        while not stopped.wait(0.15):
            key = 36 + 3 * (number % N_VOICES)
            player.send([0x80, key, 0], [0x90, key, 80])
            number += 1

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def run(server: JackServer, folder: Path, n_swaps: int, swaps: bool) -> Run:
    """Play for the duration of n_swaps swaps; swaps: whether to swap."""
    settings = folder / "rig.yaml"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": BUFFER_FRAMES}
    settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
    before, memory_mb = n_lost(server), []
    with (
        tempfile.TemporaryDirectory(prefix="tb-") as home,
        LiveProgram(["--config", settings, "--instrument", INSTRUMENT], server.env, Path(home)) as program,
        Player(server, "timbrebox:in", ()) as player,
        MachineStalls(BUFFER_FRAMES / 44100 / 3.0) as machine,
        Link(Path(home) / "run" / "timbrebox" / "control") as link,
    ):
        process = link.ask("state")["process"]
        with playing(player):
            for number in range(n_swaps):
                end_s = time.monotonic() + PAUSE_S
                if swaps:
                    seen = sum("Instrument: " in line for line in program.lines)
                    link.ask("action", name=ACTIONS[number % 2])
                    wait_until(lambda n=seen: sum("Instrument: " in line for line in program.lines) > n, "the swap")
                time.sleep(max(0.0, end_s - time.monotonic()))
                memory_mb.append(own_memory_mb(process))
        program.stop()
    counts = {name: int(count) for count, name in re.findall(r"(\d+) ([a-z ]+)", program.wait_for("Stopped"))}
    return Run(counts["blocks"], counts["late blocks"], n_lost(server) - before, machine.n_stalls, memory_mb)


def n_lost(server: JackServer) -> int:
    """Number of lost periods for which JACK's log blames the program."""
    return sum(server.n_unfinished(client, "Running") for client in ("PortAudio", "timbrebox"))


def own_memory_mb(process: int) -> float:
    """Memory that a process alone has written to, in MB: without what it shares with JACK and the other processes."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(re.search(r"Private_Dirty: *(\d+) kB", rollup)[1]) / 1024.0


def main() -> int:
    """Play, print the figures, and return 0 unless swaps made blocks late or memory grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=100)
    n_swaps = parser.parse_args().swaps
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with JackServer(folder / "jackd.log", period_frames=BUFFER_FRAMES) as server:
            runs = [run(server, folder, n_swaps, swaps) for swaps in (False, True, False)]
    for label, each in zip(("without swaps", "with swaps", "without swaps"), runs, strict=True):
        print(
            f"{label}: {each.n_blocks} blocks, {each.n_late} late, {each.n_lost} lost periods, {each.n_stalls} stalls"
            f" of the machine, memory {each.memory_mb[0]:.1f} to {each.memory_mb[-1]:.1f} MB"
        )
    first, swapped, last = runs
    fifth = max(2, n_swaps // 5)
    grows_mb = float(np.mean(swapped.memory_mb[-fifth:]) - np.mean(swapped.memory_mb[fifth : 2 * fifth]))
    print(f"memory grows by {grows_mb:.2f} MB from the second fifth of the swaps to the last")
    too_late = swapped.n_late > max(first.n_late, last.n_late) or swapped.n_lost > max(first.n_lost, last.n_lost)
    return 1 if too_late or grows_mb >= 2.0 else 0


if __name__ == "__main__":
    sys.exit(main())
