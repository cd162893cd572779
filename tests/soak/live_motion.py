"""Plays 16 modulated voices on a JACK server: `python -m tests.soak.live_motion --minutes 5`.

The bend wheel and a knob move all the time. Then a client without an engine does as much work in each block, for as
long: on a machine that stalls, its blocks are late, too. The test fails if `play` has more late blocks or lost periods
than this client by more than chance explains.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.support.rig import SAMPLE_RATE_HZ, JackServer, LiveProgram, Player, ask
from tests.support.rig_stalls import MachineStalls
from tests.support.steady_client import BUFFER_FRAMES, run_steady

BLOCK_S = BUFFER_FRAMES / SAMPLE_RATE_HZ
N_VOICES = 16
STEP_S = 0.02
SOUND = {
    "phase_blend": 1.0,
    "lfo_1": {"rate_hz": 5.0, "per_voice": True},
    "modulation": [
        {"source": "lfo_1", "target": f"latent.{knob}", "amount": 0.4} for knob in ("brightness", "hollowness")
    ],
    "filter": {"type": "low", "cutoff_hz": 2000.0, "envelope_octaves": 3.0},
    "envelope_2": {"decay_s": 30.0, "sustain": 0.2},
}


class Spell(NamedTuple):
    """What happened in some minutes on a JACK server.

    n_late: late blocks. n_lost: lost periods for which JACK names the program. n_others: those for which it names other
    clients. n_stalls: stalls of the machine. work_ms: the mean work of a block.
    """

    n_blocks: int
    n_late: int
    n_lost: int
    n_others: int
    n_stalls: int
    work_ms: float

    def __str__(self) -> str:
        return (
            f"{self.n_blocks} blocks of {self.work_ms:.2f} ms, {self.n_late} late; lost periods: {self.n_lost} by the"
            f" program, {self.n_others} by others; the machine stalled {self.n_stalls} times"
        )


def with_motion(folder: Path, minutes: float) -> Spell:
    """Let `play` play 16 voices, all in motion."""
    settings, sound, home = folder / "rig.yaml", folder / "all.yaml", folder / "home"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": BUFFER_FRAMES}
    settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
    sound.write_text(yaml.safe_dump(SOUND))
    with (
        JackServer(folder / "motion.log", period_frames=BUFFER_FRAMES) as server,
        LiveProgram(["--config", settings, "--sound", sound], server.env, home),
        Player(server, "timbrebox:in", ()) as player,
        MachineStalls(BLOCK_S / 3.0) as machine,
    ):
        player.send([0xB0, 1, 100], *([0x90, 36 + 7 * k % 61, 80] for k in range(N_VOICES)))
        end_s = time.monotonic() + 60.0 * minutes
        while (now_s := time.monotonic()) < end_s:
            bend = round(8192 + 4000 * math.sin(now_s))
            player.send([0xE0, bend & 127, bend >> 7], [0xB0, 70, round(63.5 + 63.0 * math.sin(0.7 * now_s))])
            time.sleep(STEP_S)
        health, n_stalls = ask(home, "health"), machine.so_far()
        own = sum(server.n_unfinished(client, "Running") for client in ("PortAudio", "timbrebox"))
        others = server.n_unfinished("player", "Running") + server.n_unfinished("PortAudio", "Triggered")
    return Spell(health["blocks"], health["late"], own, others, n_stalls, 1e3 * BLOCK_S * health["load"])


def without_engine(folder: Path, minutes: float, work_ms: float) -> Spell:
    """Let a client do as much work in each block, always the same, without an engine."""
    log = folder / "steady.log"
    with JackServer(log, period_frames=BUFFER_FRAMES) as server, MachineStalls(BLOCK_S / 3.0) as machine:
        steady = run_steady(server, minutes, work_ms)
        n_stalls = machine.so_far()
        own, others = (server.n_unfinished("PortAudio", state) for state in ("Running", "Triggered"))
    return Spell(steady.n_blocks, steady.n_late, own, others, n_stalls, steady.work_ms)


def is_more(ours: int, steady: int) -> bool:
    """Whether a count is higher than the steady client's by more than chance explains: two standard deviations."""
    return ours - steady > 2.0 * math.sqrt(ours + steady)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name:
        ours = with_motion(Path(name), minutes)
        print(f"play, all in motion: {ours}", flush=True)
        steady = without_engine(Path(name), minutes, ours.work_ms)
        print(f"a client with a fixed work: {steady}")
    return 1 if is_more(ours.n_late, steady.n_late) or is_more(ours.n_lost, steady.n_lost) else 0


if __name__ == "__main__":
    sys.exit(main())
