"""Plays every MIDI file of a folder: `python -m tests.soak.play_files DIR [--seconds N] [--json F]`.

Each file is rendered twice: in large blocks, and in blocks of random sizes from 1 to 4095 frames. The two sounds must
be bit-identical and never above full scale. Every note, except channel 10's notes, must begin, and must end or be
stolen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np

from runtime.base.command_line import Parser, run_program
from runtime.base.errors import UserError
from runtime.base.files import atomic_write
from runtime.base.progress import Progress
from runtime.engine.engine import Engine
from runtime.events import Event, NoteOn, Reset
from runtime.instrument.decoder import Decoder
from runtime.midi.files import read_events
from tests.soak.fuzz_midi import SAMPLE_RATE_HZ, TINY

LARGE_BLOCK = 4096
TAIL_S = 1.0


class WrongError(Exception):
    """A file was not played correctly."""


class CountingEngine(Engine):
    """Counts notes that end without being stolen, independently of the engine's own counters."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.n_ended = 0
        arrive = self._bank.arrive

        def counting(frame: int) -> None:
            sounding = [voice for voice in self._bank.voices if voice.active]
            arrive(frame)
            self.n_ended += sum(not voice.active for voice in sounding)

        self._bank.arrive = counting


def timed_events(path: Path, longest_s: float) -> list[tuple[int, Event]]:
    """A file's events before `longest_s` as (frame, event), then a Reset, which ends every note."""
    events = [(round(at_s * SAMPLE_RATE_HZ), event) for at_s, event in read_events(path) if at_s < longest_s]
    return [*events, (events[-1][0] + 1 if events else 0, Reset())]


def render(engine: Engine, events: Sequence[tuple[int, Event]], blocks: Iterator[int]) -> tuple[str, float]:
    """Render all events and another TAIL_S seconds; returns the sound's SHA-256 and its peak."""
    n_frames = events[-1][0] + round(TAIL_S * SAMPLE_RATE_HZ)
    out = np.zeros((LARGE_BLOCK, 2), np.float32)
    digest, peak, due = hashlib.sha256(), 0.0, 0
    while engine.frame < n_frames:
        n = min(next(blocks), n_frames - engine.frame)
        while due < len(events) and events[due][0] < engine.frame + n:
            engine.post(events[due][1], events[due][0])
            due += 1
        engine.render(out[:n])
        digest.update(out[:n].tobytes())
        peak = max(peak, float(np.abs(out[:n]).max()))
    return digest.hexdigest(), peak


def play(path: Path, decoder: Decoder, longest_s: float, n_voices: int) -> dict[str, float]:
    events = timed_events(path, longest_s)
    n_notes = sum(isinstance(event, NoteOn) for _, event in events)
    engine = CountingEngine(decoder, n_voices, SAMPLE_RATE_HZ, 1)
    digest, peak = render(engine, events, repeat(LARGE_BLOCK))
    status = engine.status
    if status.n_notes != n_notes:
        raise WrongError(f"{n_notes} notes in the file, {status.n_notes} begun")
    if status.n_active_voices or engine.n_ended + status.n_stolen != n_notes:
        raise WrongError(
            f"{n_notes} notes, {engine.n_ended} ended, {status.n_stolen} stolen, {status.n_active_voices} left"
        )
    if not peak <= 1.0:
        raise WrongError(f"a sample of {peak}")
    random = np.random.default_rng(n_notes)
    mixed = iter(lambda: int(2.0 ** random.uniform(0.0, 12.0)), 0)
    if render(Engine(decoder, n_voices, SAMPLE_RATE_HZ, 1), events, mixed)[0] != digest:
        raise WrongError("the sound depends on the size of the blocks")
    return {"n_files": 1, "seconds": events[-1][0] / SAMPLE_RATE_HZ, "n_notes": n_notes, "n_ended": engine.n_ended,
            "n_stolen": status.n_stolen}  # fmt: skip


def play_all(folder: Path, longest_s: float, n_voices: int) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Play all files. Returns the sums of `play`'s results for each folder, and a line for each wrongly played file."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    if not paths:
        raise UserError(folder, "no MIDI file", "a folder with .mid files", "choose another folder")
    decoder = Decoder(TINY)
    totals: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    wrong: list[str] = []
    with Progress("play_files", len(paths)) as progress:
        for number, path in enumerate(paths):
            progress.update(number, path.name)
            total = totals[str(path.parent.relative_to(folder))]
            try:
                for name, value in play(path, decoder, longest_s, n_voices).items():
                    total[name] += value
            except (WrongError, UserError) as error:
                wrong.append(f"{path.relative_to(folder)}: {error}")
                progress.say(wrong[-1])
        progress.update(len(paths))
    return {name: {key: round(value) for key, value in total.items()} for name, total in totals.items()}, wrong


def run(arguments: argparse.Namespace) -> int:
    totals, wrong = play_all(arguments.folder, arguments.seconds, arguments.voices)
    text = json.dumps({"folders": totals, "wrong": wrong}, indent=2)
    if arguments.json:
        with atomic_write(arguments.json, "wb", makes_folder=False) as stream:
            stream.write(text.encode() + b"\n")
    else:
        print(text)
    return 1 if wrong else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.play_files", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--seconds", type=float, default=float("inf"), metavar="N", help="of each file; default: all")
    parser.add_argument("--voices", type=int, default=16, metavar="N")
    parser.add_argument("--json", metavar="F", help="write the figures there")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
