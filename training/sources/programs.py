"""Plays programs of a DSSI plugin, transposed so that each note is heard at its own pitch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.base.errors import UserError
from training.corpus.csv_table import read_table
from training.corpus.dssi import Playing, Plugin, play, programs
from training.sources.folder import SAMPLE_RATE_HZ, Origin, Take, heard_note, thinned, why_unusable

COLUMNS = ("bank", "number", "name", "transpose")
VELOCITY = 100
MOST_UNEVEN_DB = 24.0


@dataclass(frozen=True)
class Program:
    """A program of a plugin.

    transpose: how many semitones above the pressed key the program sounds.
    """

    bank: int
    number: int
    name: str
    transpose: int = 0

    @property
    def sound(self) -> str:
        """The program's name without needless spaces."""
        return " ".join(self.name.split())


@dataclass(frozen=True)
class Player:
    """A plugin whose programs are played.

    where: names the source in errors.
    find: returns the plugin.
    notes: MIDI notes to record.
    held_s: how long a note is held.
    release_s: how long its release is recorded.
    n_processes: programs played at the same time.
    """

    where: str
    find: Callable[[], Plugin]
    notes: Sequence[int]
    held_s: float
    release_s: float
    n_processes: int

    def offered(self) -> list[Program]:
        """The programs that the plugin offers."""
        found = programs(self.find(), SAMPLE_RATE_HZ, self.where)
        return [Program(bank, number, name) for bank, number, name in found]

    def read(self, path: Path) -> list[Program]:
        """Read a table of programs with COLUMNS; UserError if a name is not the plugin's name for the program."""
        names = {(program.bank, program.number): program.name for program in self.offered()}
        found = []
        for row in read_table(path, COLUMNS):
            bank, number, transpose = (int(row.get(column)) for column in ("bank", "number", "transpose"))
            name = names.get((bank, number), "no program")
            if name != row.get("name"):
                raise UserError(row.where, f"name {row.get('name')!r}", f"{name!r}, its name", "change it")
            found.append(Program(bank, number, name, transpose))
        return found

    def render(self, program: Program, notes: Sequence[int], held_s: float, release_s: float) -> np.ndarray:
        """Play notes with a program; returns mono float32 (n_notes, n_samples).

        The key that is pressed for a note is `program.transpose` semitones below the note.
        """
        n_held, n_samples = (round(length_s * SAMPLE_RATE_HZ) for length_s in (held_s, held_s + release_s))
        keys, address = [note - program.transpose for note in notes], (program.bank, program.number)
        playing = Playing(keys, VELOCITY, n_samples, n_held, SAMPLE_RATE_HZ, address)
        return play(self.find(), playing, f"{self.where}, program {program.name!r}")

    def takes(self, chosen: Sequence[Program], notes: Sequence[int]) -> Iterator[tuple[Program, list[Take]]]:
        """Yield each program with its takes of these notes, in order."""
        with ThreadPoolExecutor(self.n_processes) as pool:
            rendered = pool.map(lambda one: self.render(one, notes, self.held_s, self.release_s), chosen)
            for program, samples in zip(chosen, rendered, strict=True):
                yield program, [Take(note, VELOCITY, one) for note, one in zip(notes, samples, strict=True)]

    def at_its_notes(self, program: Program, notes: Sequence[int], held_s: float) -> tuple[Program, np.ndarray | None]:
        """Find the `transpose` at which each note is heard at its own pitch.

        Returns the program with this `transpose`, and the samples of the notes. The samples are None if a note is not
        heard at its pitch, or if the peak of one note lies MOST_UNEVEN_DB or more below the peak of another note.
        """
        samples = self.render(program, notes, held_s, 0.0)
        peaks = np.abs(samples).max(axis=1)
        if peaks.min() <= peaks.max() * 10.0 ** (-MOST_UNEVEN_DB / 20.0):
            return program, None
        off = np.array([heard_note(one) - note for one, note in zip(samples, notes, strict=True)])
        if np.isnan(off).any():
            return program, None
        shift = round(float(np.median(off)))
        if shift:
            program = Program(program.bank, program.number, program.name, shift)
            samples = self.render(program, notes, held_s, 0.0)
        takes = [Take(note, VELOCITY, one) for note, one in zip(notes, samples, strict=True)]
        return program, None if any(map(why_unusable, takes)) else samples


def listed(
    player: Player, table: Path, only: str, most_notes: int, origin: Callable[[Program], Origin]
) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """For each chosen program in a table, yield (number of chosen programs, name, takes, origin).

    only: the name of the program to choose, empty to choose all.
    most_notes: play at most this many notes with each program.
    origin: returns a program's origin.
    """
    chosen = [program for program in player.read(table) if only in ("", program.sound)]
    for program, takes in player.takes(chosen, thinned(player.notes, most_notes)):
        yield len(chosen), program.sound, takes, origin(program)
