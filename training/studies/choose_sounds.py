"""Choose sounds of a source that differ in timbre. Every note that is tried must be heard at its own pitch.

python -m training.studies.choose_sounds fm configs/hexter24.csv
python -m training.studies.choose_sounds analogue configs/amsynth28.csv --number 28
python -m training.studies.choose_sounds pads configs/zynaddsubfx16.csv --number 16 --notes 36 48 60 72 84 --held

If a plugin's program sounds some semitones above or below the pressed key, each note is played with the key at which
the program sounds that note. With --held, a sound that dies away while its key is held is left out. Each next sound is
the sound farthest from all chosen so far (training/sources/farthest.py).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from runtime.base.command_line import Parser, at_least, run_program
from runtime.base.files import refuse_bad_target
from runtime.base.progress import Progress
from training.corpus.csv_table import write_csv
from training.sources import analogue, fm, pads
from training.sources.farthest import farthest, steady_levels
from training.sources.programs import Program

FIRST = {"fm": "E.PIANO 1", "pads": "Strings Pad1"}  # for each of these sources, the sound that is chosen first
HELD_S = 2.0
LEAST_FALL_DB = 12.0
N_TENTH = 4410  # samples in a tenth of a second


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.studies.choose_sounds", description=__doc__)
    parser.add_argument("source", choices=["analogue", "fm", "pads"], help="whose sounds to choose")
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="the list to write")
    parser.add_argument("--number", type=at_least(2), default=24, metavar="N", help="sounds to choose (default: 24)")
    parser.add_argument("--notes", type=at_least(0), nargs="+", default=[*fm.PLAYER.notes], help="notes to try")
    parser.add_argument("--held", action="store_true", help="leave out sounds that die away while held")
    return run_program(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    """Choose the sounds, write the list, and print their distances."""
    refuse_bad_target(arguments.out)
    examined = _patches(arguments.notes) if arguments.source == "analogue" else _programs(arguments)
    rows, levels = {}, {}
    for name, row, samples in examined:
        if samples is not None and not (arguments.held and _dies_away(samples)):
            rows[name], levels[name] = row, steady_levels(samples)
    print(f"{len(rows)} sounds to choose from")
    chosen = farthest(levels, FIRST.get(arguments.source, next(iter(levels))), arguments.number)
    for name, apart_db in chosen.items():
        print(f"{apart_db:5.1f} dB  {name}")
    write_csv(arguments.out, [row for name, row in rows.items() if name in chosen])
    return 0


def _dies_away(samples: np.ndarray) -> bool:
    whole = samples[:, : samples.shape[1] // N_TENTH * N_TENTH].reshape(len(samples), -1, N_TENTH)
    tenths = np.sqrt(np.square(whole).mean(axis=-1))
    return bool((tenths[:, -1] < tenths.max(axis=1) * 10.0 ** (-LEAST_FALL_DB / 20.0)).any())


def _programs(arguments: argparse.Namespace) -> Iterator[tuple[str, dict[str, object], np.ndarray | None]]:
    """Yield (name, row, samples) for each of a plugin's programs to choose from.

    Of programs with the same name, only the first is examined.

    row: what the written list will say of the program if it is chosen.
    samples: None if the program is unfit (see `Player.at_its_notes`).
    """
    source = fm if arguments.source == "fm" else pads
    programs = list({program.sound: program for program in reversed(source.candidates())}.values())[::-1]

    def examine(program: Program) -> tuple[Program, np.ndarray | None]:
        return source.PLAYER.at_its_notes(program, arguments.notes, HELD_S)

    with ThreadPoolExecutor(source.PLAYER.n_processes) as pool, Progress("programs", len(programs)) as progress:
        for done, (program, samples) in enumerate(pool.map(examine, programs), start=1):
            progress.update(done, program.name)
            yield program.sound, vars(program), samples


def _patches(notes: Sequence[int]) -> Iterator[tuple[str, dict[str, object], np.ndarray | None]]:
    """Yield (name, row, samples) for each patch that the bundled virtual analogue was trained on.

    row: as in `_programs`.
    samples: None if a note is not heard at the pitch of its key.
    """
    candidates = analogue.candidates()
    with Progress("patches", len(candidates)) as progress:
        for done, (patch, samples) in enumerate(analogue.heard_patches(candidates, notes, HELD_S), start=1):
            progress.update(done, patch.name)
            address, _, name = patch.name.partition(" ")
            bank, _, index = address.partition("/")
            # `read_patches` accepts a list only if it contains all splits, or test alone. This list has test alone.
            row = {"bank": bank, "index": index, "name": name, "split": "test"}
            yield analogue.sound_name(patch), row, samples


if __name__ == "__main__":
    sys.exit(main())
