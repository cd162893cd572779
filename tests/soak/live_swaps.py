"""Swaps instruments in the real program on a JACK server: `python -m tests.soak.live_swaps`, nine minutes.

16 keys are held, and every 150 ms one key is struck again. A spell with five swaps between two instruments is followed
by an equally long spell without swaps, and so on. `--moving` plays sounds with trajectories, which need about ten times
the work.

Each spell with swaps forms a pair with the spell after it. The test fails if swaps make more blocks late, or lose more
periods: for both counts, the mean difference over all pairs may be at most twice its standard error. The test also
fails if voices were shed, or if memory grows by 2 MB from the second fifth of the run to the last. Memory is read after
each spell without swaps. Memory shared with JACK does not count.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

from runtime.instrument.decoder import Decoder
from runtime.instrument.library import find
from runtime.link.client import Link
from runtime.sound.file import save_sound
from runtime.sound.sound import Sound
from runtime.sound.store import instrument_sounds
from tests.support.rig import JackServer, LiveProgram, Player, wait_until
from tests.support.rig_stalls import MachineStalls

BUFFER_FRAMES, N_VOICES = 256, 16
N_SWAPS_A_SPELL = 5  # odd, so that the other instrument plays afterwards
PAUSE_S = 2.5  # time between two swaps, enough to strike all 16 keys again
INSTRUMENTS = ("strings", "fm")
MOST_GROWTH_MB = 2.0


class Counts(NamedTuple):
    """Counts since the program's start: blocks, late blocks, lost periods, stalls of the machine."""

    n_blocks: int
    n_late: int
    n_lost: int
    n_stalls: int

    def since(self, before: Counts) -> Counts:
        return Counts(*(now - then for now, then in zip(self, before, strict=True)))


class Pair(NamedTuple):
    """A spell with swaps, and the spell without swaps that follows it.

    swapped, still: the counts of the two spells.
    memory_mb: the program's memory after the second spell.
    """

    swapped: Counts
    still: Counts
    memory_mb: float


@contextlib.contextmanager
def playing(player: Player) -> Iterator[None]:
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


def spell(count: Callable[[], Counts], swap: Callable[[], None] | None) -> Counts:
    """The counts of one spell.

    swap: called N_SWAPS_A_SPELL times; None for an equally long spell without swaps.
    """
    before = count()
    for _ in range(N_SWAPS_A_SPELL):
        end_s = time.monotonic() + PAUSE_S
        if swap is not None:
            swap()
        time.sleep(max(0.0, end_s - time.monotonic()))
    return count().since(before)


def write_sounds(home: Path, moving: bool) -> None:
    for name in INSTRUMENTS:
        first = next(iter(instrument_sounds(Decoder(find(name)).card, name).values()))
        sound = first.read() if moving else Sound()
        path = home / "data" / "timbrebox" / "sounds" / f"{name}.yaml"
        save_sound(path, msgspec.structs.replace(sound, instrument=name, name=name))


def run(server: JackServer, folder: Path, n_pairs: int, moving: bool, shed: list[str]) -> Iterator[Pair]:
    """Play pairs of spells with one program, and yield each pair.

    shed: a list that gets the program's lines about shed voices.
    """
    settings = folder / "rig.yaml"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": BUFFER_FRAMES}
    settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
    arguments, home = ["--config", settings, "--sound", INSTRUMENTS[0], "--no-panel"], folder / "home"
    write_sounds(home, moving)
    with (
        LiveProgram(arguments, server.env, home) as program,
        Player(server, "timbrebox:in", ()) as player,
        MachineStalls(BUFFER_FRAMES / 44100 / 3.0) as machine,
        Link(home / "run" / "timbrebox" / "control") as link,
        playing(player),
    ):

        def count() -> Counts:
            health = link.ask("health")
            return Counts(health["blocks"], health["late"], n_lost(server), len(machine.so_far()))

        def n_said() -> int:
            return sum("Instrument: " in line for line in program.lines)

        def swap() -> None:
            before = n_said()
            link.ask("sound", name=INSTRUMENTS[(before + 1) % 2])
            wait_until(lambda: n_said() > before, "the swap")

        time.sleep(PAUSE_S)
        for _ in range(n_pairs):
            swapped, still = spell(count, swap), spell(count, None)
            yield Pair(swapped, still, own_memory_mb(program.process_id))
        shed += [line for line in program.lines if "Too much for this machine" in line]


def n_lost(server: JackServer) -> int:
    """Lost periods for which JACK's log blames the program."""
    return sum(server.n_unfinished(client, "Running") for client in ("PortAudio", "timbrebox"))


def own_memory_mb(process: int) -> float:
    """Memory in MB that this process alone has written to."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(re.search(r"Private_Dirty: *(\d+) kB", rollup)[1]) / 1024.0


def excess(pairs: Sequence[Pair], name: str) -> tuple[float, float]:
    """By how much a count is larger with swaps: the mean over all pairs, and twice the mean's standard error."""
    more = [getattr(pair.swapped, name) - getattr(pair.still, name) for pair in pairs]
    return statistics.fmean(more), 2.0 * statistics.stdev(more) / math.sqrt(len(more))


def growth_mb(pairs: Sequence[Pair]) -> float:
    """Growth of memory in MB from the second fifth of the run to the last; the mean over the two instruments.

    The instruments take turns in `pairs`. An instrument's memory in a fifth is its lowest reading there.
    """
    memory_mb, fifth = [pair.memory_mb for pair in pairs], len(pairs) // 5
    early, late = memory_mb[fifth : 2 * fifth], memory_mb[-fifth:]
    return statistics.fmean(min(late[each::2]) - min(early[each::2]) for each in (0, 1))


def report(pairs: Sequence[Pair]) -> bool:
    for label, spells in (("with", [pair.swapped for pair in pairs]), ("without", [pair.still for pair in pairs])):
        n_blocks, n_late, n_lost_periods, n_stalls = (sum(column) for column in zip(*spells, strict=True))
        print(
            f"{label} swaps: {n_blocks} blocks, {n_late} late, {n_lost_periods} lost periods,"
            f" {n_stalls} stalls of the machine"
        )
    good = True
    for name, label in (("n_late", "late blocks"), ("n_lost", "lost periods"), ("n_stalls", "stalls of the machine")):
        mean, chance = excess(pairs, name)
        print(f"{label}: {mean:+.2f} in a spell with swaps, and chance alone gives {chance:.2f}")
        good = good and (mean <= chance or name == "n_stalls")
    grows_mb = growth_mb(pairs)
    memory_mb = [pair.memory_mb for pair in pairs]
    print(f"memory: {min(memory_mb):.1f} to {max(memory_mb):.1f} MB, {memory_mb[-1]:.1f} at the end")
    print(f"memory grows by {grows_mb:.2f} MB from the second fifth of the run to the last")
    return good and grows_mb < MOST_GROWTH_MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=100, help="a multiple of 50, for both instruments in each fifth")
    parser.add_argument("--moving", action="store_true", help="sounds with trajectories, which need much more work")
    arguments = parser.parse_args()
    pairs: list[Pair] = []
    shed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with JackServer(folder / "jackd.log", period_frames=BUFFER_FRAMES) as server:
            for pair in run(server, folder, arguments.swaps // N_SWAPS_A_SPELL, arguments.moving, shed):
                pairs.append(pair)
                late = f"{pair.swapped.n_late} late blocks with swaps, {pair.still.n_late} without"
                print(f"{N_SWAPS_A_SPELL * len(pairs)} swaps: {late}, {pair.memory_mb:.1f} MB", flush=True)
    good = report(pairs)
    if shed:
        print(f"The machine was too busy for a measurement. play said {len(shed)} times, such as: {shed[0]}", end="")
    return 0 if good and not shed else 1


if __name__ == "__main__":
    sys.exit(main())
