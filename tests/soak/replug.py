"""Unplugs a keyboard during a note and plugs it in again, over and over: python -m tests.soak.replug [N].

It measures the time until the held note has faded, the time from plugging in until a new note is heard, and the memory,
threads and descriptors of the program. The keyboard is away for 20 ms to 10 s; short and long times come in random
order.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from tests.support.footprint import Footprint, footprint
from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, SAMPLE_RATE_HZ, JackServer, Keyboard, LiveProgram, Player, wait_until

SHORTEST_S, LONGEST_S = 0.02, 10.0
OUTPUTS = ("PortAudio:out_0", "PortAudio:out_1")
NOTE, GIVE_UP_S, STEP_S, LOUD = 57, 5.0, 0.01, 0.003
FADE_S = 0.01  # the sound's release
LISTENED_S, QUIET_S = 0.4, 0.006
RELEASED_S = 0.05 + FADE_S
GROWTH_MB, WARM_UP_SHARE = 2.0, 0.2


class Cycle(NamedTuple):
    """Measurements of one unplugging. Times are in s; a time is infinite if its end was not observed.

    gap_s: time without the keyboard.
    removed_s: from unplugging until JACK had removed the port.
    released_s: from this removal until the held note had faded.
    heard_s: from plugging in until a new note was heard.
    is_silent: whether nothing sounded after the new note's end.
    """

    gap_s: float
    removed_s: float
    released_s: float
    heard_s: float
    is_silent: bool


def gaps(n_cycles: int) -> list[float]:
    spread = np.geomspace(SHORTEST_S, LONGEST_S, n_cycles)
    return [float(gap_s) for gap_s in np.random.default_rng(0).permutation(spread)]


def quiet_s(sound: np.ndarray, first_s: float, since_s: float) -> float:
    """Seconds from `since_s` until the sound stops for more than QUIET_S; infinite if it never does.

    first_s: the time at which `sound` begins.
    """
    loud = np.flatnonzero(np.abs(sound).max(axis=1) > LOUD)
    loud = np.append(loud[loud > (since_s - first_s) * SAMPLE_RATE_HZ], len(sound))
    for before, after in itertools.pairwise(loud):
        if after - before > QUIET_S * SAMPLE_RATE_HZ:
            return first_s + float(before) / SAMPLE_RATE_HZ - since_s
    return np.inf


class Plugging:
    """Unplugs a running program's keyboard, and plugs in a new one.

    keys: the keyboard that is plugged in.
    ear: records the end of the held note, while `player` waits for the new note.
    """

    def __init__(self, player: Player, ear: Player):
        self.player, self.ear = player, ear
        self.keys = Keyboard("keys")

    def first_heard_s(self, since_s: float) -> float:
        """Strike a note again and again until it is heard.

        Returns the seconds from `since_s` until then; infinity if it is not heard within GIVE_UP_S.
        """
        while time.monotonic() - since_s < GIVE_UP_S:
            self.keys.play([0x90, NOTE, 100])
            if np.abs(self.player.record(STEP_S)).max() > LOUD:
                return time.monotonic() - since_s
        return np.inf

    def cycle(self, gap_s: float) -> Cycle:
        self.ear.begin_recording(LISTENED_S)
        self.player.record(2.0 * PERIOD_FRAMES / SAMPLE_RATE_HZ)  # after this, `ear` has begun to record
        unplugged_s = time.monotonic()
        self.keys.unplug()
        gone_s = self.keys.gone_s
        time.sleep(gap_s)
        self.keys = Keyboard("keys")
        plugged_s = time.monotonic()
        while np.abs(self.player.record(STEP_S)).max() > LOUD and time.monotonic() - plugged_s < GIVE_UP_S:
            pass  # until the held note has faded
        heard_s = self.first_heard_s(plugged_s)
        released_s = quiet_s(self.ear.recorded(), self.ear.began_s, unplugged_s) + unplugged_s - gone_s
        self.keys.play([0x80, NOTE, 0])
        self.player.record(0.4)
        is_silent = not np.abs(self.player.record(0.1)).max() > 1e-4
        self.keys.play([0x90, NOTE, 100])
        self.player.record(0.1)
        return Cycle(gap_s, gone_s - unplugged_s, released_s, heard_s, is_silent)


def run_cycles(gaps_s: list[float], server: JackServer, folder: Path) -> tuple[list[Cycle], list[Footprint]]:
    """For each gap, unplug the keyboard, and plug it in again after this time.

    The environment variable JACK_DEFAULT_SERVER must name the server.

    Returns the measurements, and the program's footprint after each cycle.
    """
    path = folder / "replug.yaml"
    config = {
        "audio": {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES},
        "midi": {"api": "UNIX_JACK", "inputs": ["keys"]},
        "voice": {"envelope": {"release_s": FADE_S}},
    }
    path.write_text(yaml.safe_dump(config))
    arguments = ["--config", path, "--instrument", ROOT / "tests" / "data" / "tiny.onnx"]
    cycles, held = [], []
    with (
        LiveProgram(arguments, server.env) as program,
        Player(server, "", OUTPUTS) as player,
        Player(server, "", OUTPUTS) as ear,
    ):
        plugging = Plugging(player, ear)
        wait_until(lambda: any("MIDI input: keys" in line for line in program.lines), "the keyboard")
        plugging.first_heard_s(time.monotonic())
        for gap_s in gaps_s:
            cycles.append(plugging.cycle(gap_s))
            held.append(footprint(program.process_id))
        plugging.keys.unplug()
        program.stop()
        assert program.errors == ""
    return cycles, held


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder, JackServer(Path(folder) / "jackd.log") as server:
        os.environ.update({name: server.env[name] for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")})
        cycles, held = run_cycles(gaps(int(arguments[0]) if arguments else 60), server, Path(folder))
    for each in cycles:
        print(" ".join(f"{name} {value:.3f}" for name, value in each._asdict().items()))
    for name in ("removed_s", "released_s", "heard_s"):
        times = np.array([getattr(each, name) for each in cycles])
        print(f"{name}: median {np.median(times):.3f}, p95 {np.quantile(times, 0.95):.3f}, max {times.max():.3f}")
    print(f"{len(cycles)} cycles, {sum(not each.is_silent for each in cycles)} with a note that sounds on")
    before, after = held[int(WARM_UP_SHARE * len(held))], held[-1]
    print(f"after the warm-up: {before}; at the end: {after}")
    grows = after.resident_mb - before.resident_mb > GROWTH_MB or after[1:] > before[1:]
    is_slow = any(each.released_s > RELEASED_S or each.heard_s > 0.3 or not each.is_silent for each in cycles)
    return int(grows or is_slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
