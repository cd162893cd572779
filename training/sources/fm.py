"""The source `fm`: programs of hexter, a software DX7 in Debian; configs/hexter24.csv lists them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.base.errors import UserError
from training.corpus.csv_table import read_table
from training.corpus.dssi import Playing, Plugin, play, programs
from training.sources.folder import SAMPLE_RATE_HZ, Origin, Take
from training.sources.packages import debian_file

PROGRAMS = Path(__file__).resolve().parents[2] / "configs" / "hexter24.csv"
PLUGIN = "usr/lib/dssi/hexter.so"
LICENCE = "rendered from the built-in programs of hexter (GPL-2+)"
NOTES = tuple(range(36, 97, 3))
VELOCITY = 100
HELD_S, RELEASE_S = 3.0, 1.0
EMPTY = "<-->"  # the name of a program that is not set
WHERE = "source fm"


@dataclass(frozen=True)
class Program:
    """A program of hexter. transpose: how far it sounds above the key that is pressed, in semitones."""

    number: int
    name: str
    transpose: int = 0


def plugin() -> Plugin:
    """Hexter's plugin, installed or fetched."""
    return Plugin(debian_file("hexter", PLUGIN))


def offered() -> dict[int, str]:
    """The names of hexter's programs, by number, without those that are not set."""
    return {number: name for _, number, name in programs(plugin(), SAMPLE_RATE_HZ, WHERE) if name != EMPTY}


def read_programs(path: Path = PROGRAMS) -> list[Program]:
    """Read a list of programs: CSV with columns number, name and transpose; UserError if a name is not hexter's."""
    names, found = offered(), []
    for row in read_table(path, ("number", "name", "transpose")):
        program = Program(int(row.get("number")), row.get("name"), int(row.get("transpose")))
        if names.get(program.number) != program.name:
            name = names.get(program.number)
            raise UserError(row.where, f"name {program.name!r}", f"{name!r}, its name in hexter", "change it")
        found.append(program)
    return found


def render(program: Program, notes: Sequence[int], held_s: float = HELD_S, release_s: float = RELEASE_S) -> np.ndarray:
    """The program's sound at these notes, mono float32 (n_notes, n_samples); the keys pressed are `transpose` lower."""
    n_held = round(held_s * SAMPLE_RATE_HZ)
    keys = [note - program.transpose for note in notes]
    n_samples = n_held + round(release_s * SAMPLE_RATE_HZ)
    playing = Playing(keys, VELOCITY, n_samples, n_held, SAMPLE_RATE_HZ, (0, program.number))
    return play(plugin(), playing, f"hexter, program {program.name!r}")


def sounds(only: str = "") -> Iterator[tuple[int, str, list[Take], Origin]]:
    """Yield (how many sounds there are, name, takes, origin) of each sound. only: the name of one program."""
    chosen = [program for program in read_programs() if only in ("", program.name)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rendered = pool.map(lambda program: render(program, NOTES), chosen)
        for program, samples in zip(chosen, rendered, strict=True):
            takes = [Take(note, VELOCITY, one) for note, one in zip(NOTES, samples, strict=True)]
            source = f"hexter (Debian hexter): program {program.number}, {program.name}"
            yield len(chosen), " ".join(program.name.split()), takes, Origin(LICENCE, source)
