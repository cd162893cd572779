"""Plays 16 modulated voices on a JACK server: `python -m tests.soak.live_motion --minutes 5`.

The bend wheel and a knob move all the time. The test fails if `play` reports a late block that was not made late by a
stall of the machine, or if JACK blames `play` for more lost periods than the machine had stalls.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tempfile
import time
from pathlib import Path

import yaml

from tests.support.rig import SAMPLE_RATE_HZ, JackServer, LiveProgram, Player
from tests.support.rig_stalls import MachineStalls

BUFFER_FRAMES = 256
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


def play(server: JackServer, folder: Path, minutes: float) -> tuple[LiveProgram, int]:
    settings, sound = folder / "rig.yaml", folder / "all.yaml"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": BUFFER_FRAMES}
    settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
    sound.write_text(yaml.safe_dump(SOUND))
    block_s = BUFFER_FRAMES / SAMPLE_RATE_HZ
    with (
        LiveProgram(["--config", settings, "--sound", sound], server.env) as program,
        Player(server, "timbrebox:in", ()) as player,
        MachineStalls(block_s / 3.0) as machine,
    ):
        player.send([0xB0, 1, 100], *([0x90, 36 + 7 * k % 61, 80] for k in range(N_VOICES)))
        end_s = time.monotonic() + 60.0 * minutes
        while (now_s := time.monotonic()) < end_s:
            bend = round(8192 + 4000 * math.sin(now_s))
            player.send([0xE0, bend & 127, bend >> 7], [0xB0, 70, round(63.5 + 63.0 * math.sin(0.7 * now_s))])
            time.sleep(STEP_S)
        program.stop()
    return program, machine.n_stalls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "jackd.log"
        with JackServer(log, period_frames=BUFFER_FRAMES) as server:
            program, n_stalls = play(server, Path(folder), minutes)
            own = sum(server.n_unfinished(client, "Running") for client in ("PortAudio", "timbrebox"))
            elsewhere = server.n_unfinished("player", "Running") + server.n_unfinished("PortAudio", "Triggered")
    last = next(line for line in program.lines if "Stopped" in line).strip()
    print(f"{last} JACK blames the program for {own} lost periods, others for {elsewhere}; machine stalls: {n_stalls}.")
    late, stalled = re.search(r"(\d+) late blocks, (\d+) of them", last).groups()
    return 0 if late == stalled and own <= n_stalls else 1


if __name__ == "__main__":
    sys.exit(main())
