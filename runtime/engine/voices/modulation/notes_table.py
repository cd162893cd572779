"""What modulation needs to know of each lane's note."""

from __future__ import annotations

import numpy as np

from runtime.engine.voices.modulation.tempo import Tempo
from runtime.events import NEVER


class NotesTable:
    """One row for each lane: when its note began and was released, and constants of the note.

    Columns, all (n_lanes, 1):
    started_at, released_at: frames, int64; released_at is NEVER while the note is held.
    velocity, key, random, release_velocity: sources of modulation, float64.
    started_beats: the beats from beat 0 to the note's start, float64.
    number: how many notes were started before this one; it determines the note's random values, int64.

    tempo: counts the beats.
    """

    tempo: Tempo

    def __init__(self, n_lanes: int, seed: int):
        self.started_at = np.zeros((n_lanes, 1), np.int64)
        self.released_at = np.full((n_lanes, 1), NEVER, np.int64)
        self.velocity, self.key, self.random, self.release_velocity = np.zeros((4, n_lanes, 1))
        self.started_beats = np.zeros((n_lanes, 1))
        self.number = np.zeros((n_lanes, 1), np.int64)
        # For single lanes: an item of a memoryview is written several times as fast as an array's row.
        times = self.started_at, self.released_at, self.started_beats
        self._starts, self._releases, self._beats = (memoryview(column[:, 0]) for column in times)
        constants = self.velocity, self.key, self.random, self.number
        self._velocities, self._keys, self._randoms, self._numbers = (memoryview(column[:, 0]) for column in constants)
        self._columns: list[np.ndarray] = []
        self.random_values = np.random.default_rng((seed, 1)).uniform(-1.0, 1.0, 1 << 12)

    def start(self, lane: int, frame: int, number: int, note: int, velocity: int) -> None:
        """Store the values of a new note; number: how many notes were started before it."""
        self._starts[lane], self._releases[lane], self._numbers[lane] = frame, NEVER, number
        self._beats[lane] = self.tempo.beats_at(frame)
        self._velocities[lane], self.release_velocity[lane] = velocity / 127.0, 0.0
        self._keys[lane] = (note - 60) / 60.0
        self._randoms[lane] = self.random_at(number, 0)

    def add_column(self) -> np.ndarray:
        """Add and return a column of zeros, float64 (n_lanes, 1). `continue_from` copies its values to legato notes."""
        column = np.zeros((len(self.number), 1))
        self._columns.append(column)
        return column

    def continue_from(self, lane: int, old_lane: int) -> None:
        """Let a legato note inherit the times, the number and the added columns of another lane's note."""
        for column in (self.started_at, self.started_beats, self.number, *self._columns):
            column[lane] = column[old_lane]

    def release(self, lane: int, frame: int) -> None:
        self.released_at[lane] = frame

    def random_at(self, note_number: np.ndarray | int, step: np.ndarray | int) -> np.ndarray:
        """Random values from -1 to 1; equal arguments give equal values."""
        index = note_number * 1597 + step * 40503 + 811
        return self.random_values[(index ^ (index >> 7)) & (len(self.random_values) - 1)]
