"""Plays random MIDI: `python -m tests.soak.fuzz_midi --bytes 10000000 --messages 1000000 --json F`.

The run fails if there is an exception, if a sample is not a number or is above full scale, if a note does not end, or
if the memory grows.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from runtime.base.command_line import Parser, run_program
from runtime.base.files import write_json
from runtime.base.progress import Progress
from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, NoteOff, Reset
from runtime.instrument.decoder import Decoder
from tests.soak.storm import BYTES_PER_BLOCK, MESSAGES_PER_BLOCK, Block, byte_blocks, message_blocks
from tests.support.places import DATA

TINY = DATA / "tiny.onnx"
BLOCK_FRAMES = 64
SAMPLE_RATE_HZ = 44100
RELEASE_S = 0.1
# Every note ends within this many blocks: enough for a release and a legato fade, and two more to be safe.
ENDED_BLOCKS = -(-round((RELEASE_S + 0.02) * SAMPLE_RATE_HZ) // BLOCK_FRAMES) + 2
CHECK_EVERY_BLOCKS = 500
WARM_UP_SHARE = 0.1
LARGEST_GROWTH_MB = 4.0
MODES = {"16 voices": (16, "poly", 1.0), "64 voices": (64, "poly", 1.0), "legato, 4 voices": (4, "legato", 0.1),
         "mono, 1 voice": (1, "mono", 0.1)}  # fmt: skip

PEDALS_UP = [ControlChange(channel, pedal, 0) for channel in range(16) for pedal in (64, 66)]
# Each list must end every note, whatever came before.
ENDINGS: dict[str, list[Event]] = {
    "pedals up and all notes off": PEDALS_UP + [ControlChange(channel, 123, 0) for channel in range(16)],
    "all sound off": [ControlChange(channel, 120, 0) for channel in range(16)],
    "pedals up and every key up": PEDALS_UP + [NoteOff(channel, note) for channel in range(16) for note in range(128)],
    "a reset": [Reset()],
}


class BrokenError(Exception):
    """The engine broke one of the rules that the storm checks."""


class Storm:
    def __init__(self, engine: Engine):
        self.engine = engine
        self.peak = 0.0
        self.n_blocks = self.n_events = self.n_checks = 0
        self._out = np.zeros((BLOCK_FRAMES, 2), np.float32)

    def play(self, blocks: Iterator[Block]) -> Iterator[int]:
        for number, events in enumerate(blocks, start=1):
            self._render(events)
            if number % CHECK_EVERY_BLOCKS == 0:
                self.check_stuck()
            yield number

    def check_stuck(self) -> None:
        """End all notes with the next list of ENDINGS; BrokenError if a note still sounds."""
        name, events = list(ENDINGS.items())[self.n_checks % len(ENDINGS)]
        self.n_checks += 1
        self._render([(0, event) for event in events])
        for _ in range(ENDED_BLOCKS):
            self._render([])
        n_active = self.engine.status.n_active_voices
        if n_active or self._out.any():
            raise BrokenError(f"block {self.n_blocks}: {n_active} notes still sound after {name}")

    def _render(self, events: Block) -> None:
        start = self.engine.frame
        for frame, event in events:
            self.engine.post(event, start + frame if frame else None)
        self.n_events += len(events)
        try:
            self.engine.render(self._out)
        except Exception as error:
            raise BrokenError(f"block {self.n_blocks}: {type(error).__name__}: {error}") from error
        self.n_blocks += 1
        peak = float(np.abs(self._out).max())
        if not peak <= 1.0:
            raise BrokenError(f"block {self.n_blocks}: a sample of {peak}")
        self.peak = max(self.peak, peak)


def make_engine(n_voices: int, mode: str, seed: int) -> Engine:
    gc.collect()  # frees the previous engine
    envelope = Adsr(attack_s=0.002, release_s=RELEASE_S)
    voice = VoiceConfig(mode=mode, n_voices=n_voices, portamento_s=0.02, envelope=envelope)
    return Engine(Decoder(TINY), sample_rate_hz=SAMPLE_RATE_HZ, config=Config(voice=voice, seed=seed))


def resident_mb() -> float:
    """Resident memory of this process in MB; without /proc, the peak so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def fuzz(label: str, storm: Storm, blocks: Iterator[Block], n_blocks: int) -> dict[str, object]:
    """Play blocks, and return the figures of the run; BrokenError if a check fails, or if the memory grows."""
    cpu_s, before_mb = time.process_time(), 0.0
    with Progress(label, n_blocks) as progress:
        for done in storm.play(blocks):
            if not before_mb and done >= WARM_UP_SHARE * n_blocks:
                before_mb = resident_mb()
            progress.update(done)
    storm.check_stuck()
    growth_mb = resident_mb() - before_mb
    if growth_mb > LARGEST_GROWTH_MB:
        raise BrokenError(f"{label}: memory grew by {growth_mb:.1f} MB after the warm-up")
    status = storm.engine.status
    return {
        "run": label, "n_events": storm.n_events, "n_blocks": storm.n_blocks, "n_notes": status.n_notes,
        "n_stolen": status.n_stolen, "n_checks": storm.n_checks, "peak": round(storm.peak, 4),
        "rss_mb": round(before_mb, 1), "rss_growth_mb": round(growth_mb, 2),
        "cpu_s": round(time.process_time() - cpu_s, 1),
    }  # fmt: skip


def run_all(n_bytes: int, n_messages: int, seed: int) -> Iterator[dict[str, object]]:
    for number, (name, (n_voices, mode, share)) in enumerate(MODES.items()):
        random = np.random.default_rng([seed, number])
        own_bytes, own_messages = round(share * n_bytes), round(share * n_messages)
        if own_bytes:
            storm = Storm(make_engine(n_voices, mode, seed))
            report = fuzz(f"bytes, {name}", storm, byte_blocks(own_bytes, random), -(-own_bytes // BYTES_PER_BLOCK))
            yield {"n_bytes": own_bytes, **report}
        if own_messages:
            storm = Storm(make_engine(n_voices, mode, seed))
            blocks = message_blocks(own_messages, n_voices, BLOCK_FRAMES, random)
            yield {"n_messages": own_messages,
                   **fuzz(f"messages, {name}", storm, blocks, own_messages // MESSAGES_PER_BLOCK + 1)}  # fmt: skip


def keep(report: dict[str, object], path: str | None) -> None:
    if path:
        write_json(path, report, makes_folder=False)


def run(arguments: argparse.Namespace) -> int:
    report = {"machine": platform.machine(), "seed": arguments.seed, "runs": []}
    try:
        for figures in run_all(arguments.bytes, arguments.messages, arguments.seed):
            report["runs"].append(figures)
            keep(report, arguments.json)
    except BrokenError as broken:
        report["broken"] = str(broken)
        print(f"\nfuzz_midi: seed {arguments.seed}, {broken}", file=sys.stderr)
    keep(report, arguments.json)
    if not arguments.json:
        print(json.dumps(report, indent=2))
    return 1 if "broken" in report else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.fuzz_midi", description=__doc__)
    parser.add_argument("--bytes", type=int, default=10_000_000, metavar="N", help="random bytes, 1000 to a block")
    parser.add_argument("--messages", type=int, default=1_000_000, metavar="N", help="random well-formed messages")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--json", metavar="F", help="write the figures there")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
