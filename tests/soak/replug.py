"""Unplugs a keyboard during a note and plugs it in again, over and over: python -m tests.soak.replug [N].

Measured: the time until the program has released the note, and the time from plugging in until a new note is heard. The
gaps are between 20 ms and 3 s, evenly spaced on a logarithmic scale, in random order.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, JackServer, Keyboard, LiveProgram, Player, wait_until

SHORTEST_S, LONGEST_S = 0.02, 3.0
OUTPUTS = ("PortAudio:out_0", "PortAudio:out_1")
NOTE, GIVE_UP_S, STEP_S, LOUD = 57, 5.0, 0.01, 0.003


class Cycle(NamedTuple):
    """One unplugging.

    gap_s: time without the keyboard; released_s: from unplugging until the program had released the note; heard_s: from
    plugging in until a new note was heard; all in s, infinite for never. is_silent: whether nothing sounded after the
    new note's end.
    """

    gap_s: float
    released_s: float
    heard_s: float
    is_silent: bool


def gaps(n_cycles: int) -> list[float]:
    """The gaps, in s."""
    spread = np.geomspace(SHORTEST_S, LONGEST_S, n_cycles)
    return [float(gap_s) for gap_s in np.random.default_rng(0).permutation(spread)]


class Plugging:
    """Unplugs and plugs in the keyboard of a running program; keys: the present keyboard."""

    def __init__(self, program: LiveProgram, player: Player):
        self.program, self.player = program, player
        self.keys = Keyboard("keys")

    def n_gone(self) -> int:
        """How often the program has reported that the keyboard is gone."""
        return sum("MIDI input gone: keys" in line for line in list(self.program.lines))

    def first_heard_s(self, since_s: float) -> float:
        """Seconds from `since_s` until a note, struck again and again, is heard; infinite after GIVE_UP_S."""
        while time.monotonic() - since_s < GIVE_UP_S:
            self.keys.play([0x90, NOTE, 100])
            if np.abs(self.player.record(STEP_S)).max() > LOUD:
                return time.monotonic() - since_s
        return np.inf

    def cycle(self, gap_s: float) -> Cycle:
        """Unplug during a note, wait, plug in, strike a note until it is heard, release it, and hold a note again."""
        before, unplugged_s = self.n_gone(), time.monotonic()
        self.keys.unplug()
        released_s, begun_s = np.inf, time.monotonic()
        while time.monotonic() - begun_s < gap_s:
            if released_s == np.inf and self.n_gone() > before:
                released_s = time.monotonic() - unplugged_s
            time.sleep(0.001)
        self.keys = Keyboard("keys")
        plugged_s = time.monotonic()
        while released_s == np.inf and time.monotonic() - unplugged_s < GIVE_UP_S:
            if self.n_gone() > before:
                released_s = time.monotonic() - unplugged_s
            time.sleep(0.001)
        while np.abs(self.player.record(STEP_S)).max() > LOUD and time.monotonic() - plugged_s < GIVE_UP_S:
            pass  # the released note fades
        heard_s = self.first_heard_s(plugged_s)
        self.keys.play([0x80, NOTE, 0])
        self.player.record(0.4)
        is_silent = not np.abs(self.player.record(0.1)).max() > 1e-4
        self.keys.play([0x90, NOTE, 100])
        self.player.record(0.1)
        return Cycle(gap_s, released_s, heard_s, is_silent)


def run_cycles(gaps_s: list[float], server: JackServer, folder: Path) -> list[Cycle]:
    """Unplug and plug in once for each gap; returns the measurements. JACK_DEFAULT_SERVER must name the server."""
    path = folder / "replug.yaml"
    config = {
        "audio": {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES},
        "midi": {"api": "UNIX_JACK", "inputs": ["keys"]},
        "voice": {"envelope": {"release_s": 0.01}},
    }
    path.write_text(yaml.safe_dump(config))
    arguments = ["--config", path, "--instrument", ROOT / "tests" / "data" / "tiny.onnx"]
    with LiveProgram(arguments, server.env) as program, Player(server, "", OUTPUTS) as player:
        plugging = Plugging(program, player)
        wait_until(lambda: any("MIDI input: keys" in line for line in program.lines), "the keyboard")
        plugging.first_heard_s(time.monotonic())
        cycles = [plugging.cycle(gap_s) for gap_s in gaps_s]
        plugging.keys.unplug()
        program.stop()
        assert program.errors == ""
    return cycles


def main(arguments: list[str]) -> int:
    """Print each cycle, then a summary of the times; returns 0 if all cycles are fast enough and end silent."""
    with tempfile.TemporaryDirectory() as folder, JackServer(Path(folder) / "jackd.log") as server:
        os.environ.update({name: server.env[name] for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")})
        cycles = run_cycles(gaps(int(arguments[0]) if arguments else 60), server, Path(folder))
    for each in cycles:
        print(f"gap {each.gap_s:.3f} s: released {each.released_s:.3f} s, heard {each.heard_s:.3f} s, {each.is_silent}")
    for name in ("released_s", "heard_s"):
        times = np.array([getattr(each, name) for each in cycles])
        print(f"{name}: median {np.median(times):.3f}, p95 {np.quantile(times, 0.95):.3f}, max {times.max():.3f}")
    print(f"{len(cycles)} cycles, {sum(not each.is_silent for each in cycles)} with a note that sounds on")
    return int(any(each.released_s > 0.05 or each.heard_s > 0.3 or not each.is_silent for each in cycles))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
