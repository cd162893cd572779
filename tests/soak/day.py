"""Plays at random for a simulated day, as fast as it can: `python -m tests.soak.day --hours 24 --json F`.

A minute of events of every kind alternates with nine minutes of rest, before which all notes must end. The run fails
after an exception, a sample that is not a number or is above full scale, a note that does not end, or growth of memory
by more than 2 MB after the warm-up. The warm-up is the first two hours; in a run under 20 hours, a tenth of it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

from runtime.base.command_line import Parser, run_program
from runtime.base.files import write_json
from runtime.config import Config
from runtime.events import VoiceLimit
from runtime.rack.build import build_chosen
from runtime.sound.choice import choose
from tests.soak.fuzz_midi import ENDINGS, TINY, BrokenError, resident_mb
from tests.support.random_play import random_event

RATE_HZ, BLOCK_FRAMES = 44100, 4096
LARGEST_GROWTH_MB = 2.0
EVENTS_A_SECOND = (8.0, 2.0, 0.3)  # for each minute of playing, one of these rates is chosen
PLAYED_S, REST_S, LONGEST_RELEASE_S = 60.0, 540.0, 12.0
WARM_UP_H = 2.0


class Day:
    """Plays random events on a rack, and checks each block.

    peak: the largest absolute sample.
    """

    def __init__(self, instrument: str, seed: int):
        self._chance = random.Random(seed)
        self.rack = build_chosen(choose(Config(), instrument, None, None), RATE_HZ)
        self._out = np.zeros((BLOCK_FRAMES, 2), np.float32)
        self.n_events = self.n_checks = 0
        self.peak = 0.0

    @property
    def hours(self) -> float:
        return self.rack.frame / RATE_HZ / 3600.0

    def play(self, hours: float) -> Iterator[float]:
        while self.hours < hours:
            self._minute()
            self._check_stuck()
            rest = self.rack.frame + REST_S * RATE_HZ
            while self.rack.frame < rest:
                self._render()
            yield self.hours

    def _minute(self) -> None:
        rate, next_frame = self._chance.choice(EVENTS_A_SECOND), self.rack.frame
        end = self.rack.frame + PLAYED_S * RATE_HZ
        while self.rack.frame < end:
            while next_frame < self.rack.frame + BLOCK_FRAMES:
                self.rack.post(random_event(self._chance), next_frame)
                self.n_events += 1
                next_frame += round(self._chance.expovariate(rate) * RATE_HZ)
            self._render()

    def _check_stuck(self) -> None:
        """End all notes; BrokenError if a note still sounds after the longest release."""
        name, events = list(ENDINGS.items())[self.n_checks % len(ENDINGS)]
        self.n_checks += 1
        for event in (*events, VoiceLimit(16)):
            self.rack.post(event)
        end = self.rack.frame + LONGEST_RELEASE_S * RATE_HZ
        self._render()
        while self.rack.status.n_active_voices:
            if self.rack.frame > end:
                raise BrokenError(f"{self.hours:.2f} h: {self.rack.status.n_active_voices} notes sound after {name}")
            self._render()

    def _render(self) -> None:
        try:
            self.rack.render(self._out)
        except Exception as error:
            raise BrokenError(f"{self.hours:.2f} h: {type(error).__name__}: {error}") from error
        self.rack.take_actions()
        self.rack.take_retired()
        peak = float(np.abs(self._out).max())
        if not peak <= 1.0:
            raise BrokenError(f"{self.hours:.2f} h: a sample of {peak}")
        self.peak = max(self.peak, peak)


def figures(day: Day, before_mb: float, began_s: float) -> dict[str, object]:
    """What the run reports of a day.

    before_mb: resident memory after the warm-up.
    began_s: processor time at the start.
    """
    status = day.rack.status
    return {
        "hours": round(day.hours, 2), "events": day.n_events, "notes": status.n_notes, "stolen": status.n_stolen,
        "checks": day.n_checks, "peak": round(day.peak, 4), "resident_mb": round(resident_mb(), 1),
        "growth_mb": round(resident_mb() - before_mb, 2), "cpu_s": round(time.process_time() - began_s),
    }  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    began_s, warm_up_h = time.process_time(), min(WARM_UP_H, 0.1 * arguments.hours)
    day, before_mb, report = Day(arguments.instrument, arguments.seed), 0.0, {}
    try:
        for hours in day.play(arguments.hours):
            before_mb = before_mb if before_mb and hours > warm_up_h else resident_mb()
            report = figures(day, before_mb, began_s)
            if report["growth_mb"] > LARGEST_GROWTH_MB:
                raise BrokenError(f"{hours:.2f} h: memory grew by {report['growth_mb']} MB")
            if arguments.json:
                write_json(arguments.json, report, makes_folder=False)
    except BrokenError as broken:
        report |= {"broken": f"seed {arguments.seed}, {broken}"}
    print(json.dumps(report))
    return 1 if "broken" in report else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.day", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, metavar="H", help="simulated hours")
    parser.add_argument("--instrument", default=str(TINY), metavar="NAME|F", help="what to play (default: a tiny one)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--json", metavar="F", help="write the figures there")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
