"""Plays 16 modulated voices on a JACK server: `python -m tests.soak.live_motion --minutes 5`.

The bend wheel and a knob move all the time. A thread of very high priority on each processor finds the stalls of
the machine. The test examines each late block of `play`, and each lost period for which JACK names `play`. It fails if
one of these has no stall that explains it, or if there are so many stalls that a stall explains nothing.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from runtime.link.client import Link
from tests.support.rig import SAMPLE_RATE_HZ, JackServer, LiveProgram, Player
from tests.support.rig_stalls import MachineStalls, Span

BUFFER_FRAMES = 256
BLOCK_S = BUFFER_FRAMES / SAMPLE_RATE_HZ
N_VOICES = 16
STEP_S, STEPS_TO_ASK = 0.02, 5
# JACK reports a lost period a little late: at most this long after the period.
COMPLAINT_S = 0.03
# If stalls would explain more than this share of events at random times, a stall explains nothing.
MOST_BY_CHANCE = 0.2
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

    late: for each late block, a span of time in which it happened.
    lost: the same for each lost period for which JACK names the program.
    n_others: number of lost periods for which JACK names other clients.
    stalls: the spans of the machine's stalls.
    begin_s: when the notes began, on the clock of the spans.
    work_ms: the mean work of a block.
    """

    n_blocks: int
    late: list[Span]
    lost: list[Span]
    n_others: int
    stalls: list[Span]
    begin_s: float
    length_s: float
    work_ms: float

    def __str__(self) -> str:
        late, lost = (
            f"{len(spans)}, without a stall of the machine: {self._moments(unexplained(spans, self.stalls))}"
            for spans in (self.late, self.lost)
        )
        late_by_chance, lost_by_chance = self.by_chance()
        return (
            f"{self.n_blocks} blocks of {self.work_ms:.2f} ms\nlate: {late}\n"
            f"lost periods for which JACK names the program: {lost}; others: {self.n_others}\n"
            f"longest stretch without a late block or such a lost period: {self.longest_whole_s() / 60.0:.1f} minutes\n"
            f"stalls of the machine: {len(self.stalls)}, {self._longest_ms():.0f} ms at most; a late block would be"
            f" beside one by chance in {late_by_chance:.1%} of cases, a lost period in {lost_by_chance:.1%}"
        )

    def _moments(self, spans: Sequence[Span]) -> str:
        return ", ".join(f"1 after {until_s - self.begin_s:.1f} s" for _, until_s in spans) or "none"

    def longest_whole_s(self) -> float:
        """The longest time without a late block and without a lost period for which JACK names the program."""
        longest_s, whole_since_s = 0.0, self.begin_s
        for since_s, until_s in sorted([*self.late, *self.lost]):
            longest_s, whole_since_s = max(longest_s, since_s - whole_since_s), max(whole_since_s, until_s)
        return max(longest_s, self.begin_s + self.length_s - whole_since_s)

    def by_chance(self) -> tuple[float, float]:
        """The share of late blocks that a stall would explain by chance, and the same share of lost periods."""
        return self._chance(self.late, STEPS_TO_ASK * STEP_S), self._chance(self.lost, STEP_S)

    def _longest_ms(self) -> float:
        return 1e3 * max((end_s - begin_s for begin_s, end_s in self.stalls), default=0.0)

    def _chance(self, events: Sequence[Span], shortest_s: float) -> float:
        """The share of random spans that a stall would explain.

        A random span is as long as the events are on average, or as shortest_s if there are no events.
        """
        lengths_s = [until_s - since_s for since_s, until_s in events] or [shortest_s]
        width_s = sum(lengths_s) / len(lengths_s) + COMPLAINT_S
        covered_s, last_s = 0.0, -math.inf
        for begin_s, end_s in sorted(self.stalls):
            covered_s += max(0.0, end_s + width_s - max(begin_s, last_s))
            last_s = max(last_s, end_s + width_s)
        return covered_s / self.length_s


def unexplained(events: Sequence[Span], stalls: Sequence[Span]) -> list[Span]:
    """The events that no stall explains: no stall overlaps the event's span or the COMPLAINT_S seconds before it."""
    return [
        (since_s, until_s)
        for since_s, until_s in events
        if not any(begin_s < until_s and since_s - COMPLAINT_S < end_s for begin_s, end_s in stalls)
    ]


class Rises:
    """Watches counts that rise.

    spans: for each count, by its name, the spans in which it rose. A span goes from the last reading before a rise to
        the first reading after it. A rise by n adds its span n times.
    """

    def __init__(self) -> None:
        self.spans: dict[str, list[Span]] = defaultdict(list)
        self._counts: dict[str, tuple[int, float]] = {}

    def read(self, name: str, count: int) -> None:
        now_s = time.monotonic()
        before, since_s = self._counts.get(name, (count, now_s))
        self.spans[name] += [(since_s, now_s)] * (count - before)
        self._counts[name] = count, now_s


def n_lost(server: JackServer) -> int:
    """The number of lost periods for which JACK names the program."""
    return sum(server.n_unfinished(client, "Running") for client in ("PortAudio", "timbrebox"))


def play(folder: Path, minutes: float) -> Spell:
    """Run `play` with 16 voices, all in motion, and record what happens."""
    settings, sound, home = folder / "rig.yaml", folder / "all.yaml", folder / "home"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": BUFFER_FRAMES}
    settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
    sound.write_text(yaml.safe_dump(SOUND))
    with (
        JackServer(folder / "motion.log", period_frames=BUFFER_FRAMES) as server,
        MachineStalls(BLOCK_S / 3.0) as machine,
        LiveProgram(["--config", settings, "--sound", sound], server.env, home),
        Player(server, "timbrebox:in", ()) as player,
        Link(home / "run" / "timbrebox" / "control") as link,
    ):
        rises, first = Rises(), link.ask("health")
        rises.read("late", first["late"])
        rises.read("lost", n_lost(server))
        begin_s = time.monotonic()
        player.send([0xB0, 1, 100], *([0x90, 36 + 7 * k % 61, 80] for k in range(N_VOICES)))
        for step in range(round(60.0 * minutes / STEP_S)):
            bend = round(8192 + 4000 * math.sin(STEP_S * step))
            knob = round(63.5 + 63.0 * math.sin(0.7 * STEP_S * step))
            player.send([0xE0, bend & 127, bend >> 7], [0xB0, 70, knob])
            time.sleep(max(0.0, begin_s + STEP_S * (step + 1) - time.monotonic()))
            rises.read("lost", n_lost(server))
            if step % STEPS_TO_ASK == 0:
                health = link.ask("health")
                rises.read("late", health["late"])
        others = server.n_unfinished("player", "Running") + server.n_unfinished("PortAudio", "Triggered")
        length_s, stalls = time.monotonic() - begin_s, [stall for stall in machine.so_far() if stall[1] > begin_s]
    n_blocks = health["blocks"] - first["blocks"]
    late, lost = rises.spans["late"], rises.spans["lost"]
    return Spell(n_blocks, late, lost, others, stalls, begin_s, length_s, 1e3 * BLOCK_S * health["load"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name:
        spell = play(Path(name), minutes)
    print(spell)
    if max(spell.by_chance()) > MOST_BY_CHANCE:
        print("The machine stalled too often to tell.")
        return 1
    return int(bool(unexplained(spell.late, spell.stalls) + unexplained(spell.lost, spell.stalls)))


if __name__ == "__main__":
    sys.exit(main())
