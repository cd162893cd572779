"""Choose programs of hexter that are heard at the pitch of every key from C2 to C7, and that differ in timbre.

python -m training.studies.choose_programs configs/hexter24.csv writes the list for the source `fm`. A program that
sounds some octaves above or below its key is transposed. The first program chosen is FIRST; each further one is the one
farthest from those chosen (training/sources/farthest.py).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from runtime.base.command_line import Parser, at_least, run_program
from runtime.base.files import refuse_bad_target
from runtime.base.progress import Progress
from training.corpus.csv_table import write_csv
from training.sources import fm
from training.sources.farthest import farthest, steady_levels
from training.sources.folder import Take, heard_note, why_unusable

FIRST = "E.PIANO 1"
HELD_S = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.studies.choose_programs", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="the list to write")
    parser.add_argument("--number", type=at_least(3), default=24, metavar="N", help="programs to choose (default: 24)")
    return run_program(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    """Choose the programs and write the list; prints how far each is from those chosen before."""
    refuse_bad_target(arguments.out)
    names = sorted(fm.offered().items())
    found: dict[fm.Program, np.ndarray] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool, Progress("programs", len(names)) as progress:
        for done, (program, levels) in enumerate(pool.map(lambda item: examine(*item), names), start=1):
            progress.update(done, program.name)
            if levels is not None:
                found[program] = levels
    print(f"{len(found)} of {len(names)} programs are heard at every key")
    chosen = farthest(found, next(program for program in found if program.name == FIRST), arguments.number)
    for program, apart_db in chosen.items():
        print(f"{apart_db:5.1f} dB  {program.name}")
    write_csv(arguments.out, [vars(program) for program in sorted(chosen, key=lambda program: program.number)])
    return 0


def examine(number: int, name: str) -> tuple[fm.Program, np.ndarray | None]:
    """A program, transposed to where it is heard, and its `steady_levels`; None if a note is not heard at its key."""
    samples = fm.render(fm.Program(number, name), fm.NOTES, HELD_S, 0.0)
    off = np.array([heard_note(one) - note for one, note in zip(samples, fm.NOTES, strict=True)])
    if np.isnan(off).any():
        return fm.Program(number, name), None
    program = fm.Program(number, name, round(float(np.median(off))))
    if program.transpose:
        samples = fm.render(program, fm.NOTES, HELD_S, 0.0)
    takes = [Take(note, fm.VELOCITY, one) for note, one in zip(fm.NOTES, samples, strict=True)]
    return program, None if any(map(why_unusable, takes)) else steady_levels(samples)


if __name__ == "__main__":
    sys.exit(main())
