"""Measures how much swaps of instruments slow down rendering: `python -m tests.soak.swaps --swaps 100 --json F`.

16 voices with two moving knobs play at a device's pace, with the audio thread's priority. Spells with one swap
and spells without a swap alternate. A block's time is measured from when it is due until it is done. `--thread` is
the priority of the thread that makes the new instruments. With `--thread cached`, each instrument is loaded only once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from runtime.base.realtime import AUDIO_PRIORITY, SWAP_PRIORITY, gives_way, prepare_process, promote_thread
from runtime.config import Config
from runtime.engine.build import warm_up
from runtime.events import KnobTurn, NoteOff, NoteOn, Swap
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import find
from runtime.rack.build import build_chosen, playable
from runtime.rack.rack import Rack
from runtime.sound.choice import Choice, choose

RATE_HZ, BUFFER_FRAMES, N_VOICES = 44100, 256, 16
INSTRUMENTS = ("virtual-analogue", "fm")
PLAIN = Path(tempfile.gettempdir()) / f"swaps-{os.getpid()}.yaml"  # the file of a sound without settings
SPELL_S = 0.7  # enough to strike all 16 keys again


class AudioThread:
    """Renders blocks at a device's pace.

    times: for each block, when it was due, and how long after that it was done, in s; (n_blocks, 2). Empty until the
        thread ends.
    """

    def __init__(self, rack: Rack):
        self.rack, self.times = rack, np.zeros((0, 2))
        self._times = np.ones((1_000_000, 2))  # filled now, so that memory does not grow later
        self._stopped = self.is_busy = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> AudioThread:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._thread.join()

    def _run(self) -> None:
        promote_thread(AUDIO_PRIORITY)
        out, n_latents, number = np.zeros((BUFFER_FRAMES, 2), np.float32), 2, 0
        due_s = time.perf_counter()
        while not self._stopped:
            due_s += BUFFER_FRAMES / RATE_HZ
            time.sleep(max(0.0, due_s - time.perf_counter()))
            self.is_busy = True
            for latent in range(n_latents):
                self.rack.post(KnobTurn(latent, 0.5 + 0.5 * np.sin(0.01 * number)))
            self.rack.render(out)
            self.is_busy = False
            end_s = time.perf_counter()
            self._times[number] = due_s, end_s - due_s
            number += 1
            if end_s - due_s > BUFFER_FRAMES / RATE_HZ:
                due_s = end_s
        self.times = self._times[:number]


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def swap(rack: Rack, cache: dict[str, Choice] | None, name: str, warms: bool) -> None:
    """Make an instrument, and post its swap to the rack.

    cache: loaded instruments by name; None to load every instrument anew.
    warms: whether to play a note on the new instrument before the swap.
    """
    choice = (cache or {}).get(name) or choose(Config(), name, None, str(PLAIN))
    if cache is not None:
        cache[name] = choice
    if warms:
        warm_up(choice.patch, choice.instrument, RATE_HZ)
    rack.post(Swap(0, name, None, playable(choice.patch, choice.instrument, RATE_HZ, choice.programs)))


def play(rack: Rack, stopped: threading.Event) -> None:
    number = 0
    while not stopped.wait(0.03):
        key = 36 + 3 * (number % N_VOICES)
        rack.post(NoteOff(0, key))
        rack.post(NoteOn(0, key, 90))
        number += 1


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    choice = choose(Config(), INSTRUMENTS[0], None, str(PLAIN))
    warm_up(choice.patch, choice.instrument, RATE_HZ)
    rack = build_chosen(choice, RATE_HZ)
    for number in range(N_VOICES):
        rack.post(NoteOn(0, 36 + 3 * number, 90))
    cache = {} if arguments.thread == "cached" else None
    spells: list[tuple[float, float, bool]] = []
    memory_mb: list[float] = []
    prepare_process()
    if arguments.thread == "real-time":
        promote_thread(SWAP_PRIORITY)
    elif arguments.thread == "ordinary":
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    elif arguments.thread == "nice":
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.nice(19)
    stopped = threading.Event()
    player = threading.Thread(target=play, args=(rack, stopped))
    with AudioThread(rack) as audio:
        player.start()
        time.sleep(1.0)
        for number in range(arguments.swaps):
            name = INSTRUMENTS[(number + 1) % 2]
            for swaps in (False, True):
                begin_s = time.perf_counter()
                if swaps:
                    if arguments.child:
                        child(name)
                    with gives_way(lambda: audio.is_busy) if arguments.way else nullcontext():
                        swap(rack, cache, name, arguments.warm)
                time.sleep(max(0.0, SPELL_S - (time.perf_counter() - begin_s)))
                spells.append((begin_s, time.perf_counter(), swaps))
                rack.take_actions()
                rack.take_retired()
                if not swaps:  # by now the engine that was swapped out is silent
                    memory_mb.append(resident_mb())
        stopped.set()
        player.join()
    return figures(audio.times, spells, memory_mb) | {"thread": arguments.thread, "swaps": arguments.swaps}


def child(name: str) -> None:
    import subprocess

    command = [sys.executable, "-c", f"from runtime.instrument.library import load; load({name!r})"]
    subprocess.run(command, check=True)


def figures(times: np.ndarray, spells: list[tuple[float, float, bool]], memory_mb: list[float]) -> dict[str, object]:
    """The figures of a run, by name.

    times: as in `AudioThread`.
    spells: for each spell (begin in s, end in s, whether it has a swap).
    memory_mb: memory in use after each spell without a swap.
    """
    began, lasted = times.T
    found: dict[str, object] = {}
    for kind, label in ((False, "without"), (True, "with")):
        inside = np.zeros(len(began), bool)
        for begin_s, end_s, swaps in spells:
            if swaps == kind:
                inside |= (began >= begin_s) & (began < end_s)
        ms = 1000.0 * lasted[inside]
        late = int((ms > 1000.0 * BUFFER_FRAMES / RATE_HZ).sum())
        found[label] = {
            "blocks": len(ms),
            **{f"p{q:g}_ms": round(float(np.percentile(ms, q)), 3) for q in (50, 99, 99.9)},
            "max_ms": round(float(ms.max()), 3),
            "late": late,
        }
    settled = memory_mb[len(memory_mb) // 5 :]
    found["memory_mb"] = {
        "first": round(memory_mb[0], 1),
        "after a fifth": round(settled[0], 1),
        "last": round(settled[-1], 1),
        "grows": round(float(np.mean(settled[-5:]) - np.mean(settled[:5])), 2),
    }
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--thread", choices=("real-time", "ordinary", "nice", "cached"), default="real-time")
    parser.add_argument("--warm", action=argparse.BooleanOptionalAction, default=False)
    way = "whether the thread that makes instruments gives way to the audio thread"
    parser.add_argument("--way", action=argparse.BooleanOptionalAction, default=True, help=way)
    parser.add_argument("--child", action="store_true", help="another process loads and checks each instrument first")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    Decoder(find(INSTRUMENTS[1]))
    PLAIN.write_text("{}")
    found = measure(arguments)
    PLAIN.unlink()
    print(json.dumps(found, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(found))
    return 0 if found["with"]["late"] <= found["without"]["late"] and found["memory_mb"]["grows"] < 2.0 else 1


if __name__ == "__main__":
    sys.exit(main())
